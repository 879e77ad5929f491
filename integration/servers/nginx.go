package servers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"text/template"
)

// ProxyOptions say how nginx stands in front of a registry.
type ProxyOptions struct {
	TLS                *Certificates // serve HTTPS with these; nil is plain HTTP
	ClientCertificates bool          // with TLS: answer 400 to clients without a certificate of the same CA
	MaxBody            string        // client_max_body_size, such as 1m: larger requests get 413; unlimited if empty
	HTTP2              bool          // with TLS: offer HTTP/2
}

// Proxy is a running nginx.
type Proxy struct {
	Endpoint
	accessLog
}

// Nginx starts nginx in front of a registry.
func Nginx(t testing.TB, upstream *Registry, o ProxyOptions) *Proxy {
	t.Helper()
	program := Find(t, "nginx", "nginx-light")
	p := &Proxy{}
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	s := service{dir: dir, ports: 1}
	s.command = func(ports []int) *exec.Cmd {
		writeNginxConfig(t, file, nginxConfig{o, dir, loopback(ports[0]), upstream.URL})
		return exec.Command(program, "-p", dir, "-c", file, "-e", "stderr")
	}
	s.ready = func(ports []int) error {
		p.Endpoint = Options{TLS: o.TLS}.endpoint(loopback(ports[0]))
		p.Client.Transport = transport{p.Client.Transport, upstream.Client.Transport.(transport).authorize}
		return p.answers("X-Test-Proxy", dir)
	}
	s.start(t)
	log := filepath.Join(dir, "access.log")
	p.accessLog = accessLog{file: log, settle: func(t testing.TB) { settleNginx(t, p.Endpoint, log) }}
	return p
}

// settleNginx waits until nginx has logged every request that it has answered. Its one process finishes with a request,
// log line included, before it turns to the next event, so the line of a request that comes later is enough. Only one whose
// body it refuses (413) is logged later, when what the client still sends has been read away.
func settleNginx(t testing.TB, e Endpoint, log string) {
	t.Helper()
	marker := "/" + rawToken()
	resp, err := e.Client.Get(e.URL + marker)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	Eventually(t, func() error {
		if slices.ContainsFunc(readEntries(t, log), func(e entry) bool { return e.Path == marker }) {
			return nil
		}
		return fmt.Errorf("nginx has not logged %s", marker)
	})
}

type nginxConfig struct {
	ProxyOptions
	Dir, Addr, Upstream string
}

func writeNginxConfig(t testing.TB, file string, c nginxConfig) {
	t.Helper()
	var text bytes.Buffer
	if err := nginxTemplate.Execute(&text, c); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// nginxTemplate follows distribution's recipe for nginx. Requests are passed on as they come, not buffered. Without a
// master process there is no worker that could outlive a killed test.
var nginxTemplate = template.Must(template.New("nginx.conf").Parse(`
daemon off;
master_process off;
pid {{.Dir}}/nginx.pid;
events { worker_connections 512; }
http {
	access_log {{.Dir}}/access.log combined;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	server {
		listen {{.Addr}}{{if .TLS}} ssl{{if .HTTP2}} http2{{end}}{{end}};
		{{with .TLS -}}
		ssl_certificate {{.ServerCertFile}};
		ssl_certificate_key {{.ServerKeyFile}};
		{{if $.ClientCertificates -}}
		ssl_client_certificate {{.CAFile}};
		ssl_verify_client on;
		{{- end}}
		{{- end}}
		client_max_body_size {{or .MaxBody "0"}};
		location /v2/ {
			proxy_pass {{.Upstream}};
			proxy_http_version 1.1;
			proxy_request_buffering off;
			proxy_set_header Host $http_host;
			proxy_set_header X-Real-IP $remote_addr;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;
			proxy_read_timeout 900;
			add_header X-Test-Proxy {{.Dir}} always;
		}
		location / { return 204; }
	}
}
`))
