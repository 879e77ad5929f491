package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/blob"
)

// clientName answers with the common name of the client's certificate, or none.
func clientName(w http.ResponseWriter, r *http.Request) {
	name := "none"
	if len(r.TLS.PeerCertificates) > 0 {
		name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	io.WriteString(w, name)
}

// get sends a GET through rt, follows redirects, and returns the body of the response.
func get(t *testing.T, rt http.RoundTripper, url string) (string, error) {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Get(url)
	if err != nil {
		return "", err
	}
	return readAll(t, resp), nil
}

// clientTLS writes the authority's root and a client's key pair into a directory.
func clientTLS(t *testing.T, ca *authority, client string) (TLSOptions, string) {
	t.Helper()
	dir := t.TempDir()
	cert, key := ca.issue(t, client)
	writeFiles(t, dir, map[string][]byte{"ca.pem": ca.pem(), "cert.pem": cert, "key.pem": key})
	return TLSOptions{
		CAFile:   filepath.Join(dir, "ca.pem"),
		CertFile: filepath.Join(dir, "cert.pem"),
		KeyFile:  filepath.Join(dir, "key.pem"),
	}, dir
}

func TestTransportVerifiesByDefault(t *testing.T) {
	server := newAuthority(t).serve(t, clientName)
	_, err := get(t, new(Transport), server.URL)
	var certificate *tls.CertificateVerificationError
	if !errors.As(err, &certificate) {
		t.Errorf("error %v, want a *tls.CertificateVerificationError", err)
	}
	if _, err := get(t, &Transport{TLS: TLSOptions{Insecure: true}}, server.URL); err != nil {
		t.Errorf("insecure: %v", err)
	}
}

// The registry, called as localhost, redirects to another host: the same server, called as
// 127.0.0.1.
func TestTransportSendsClientCertificateOnlyToRegistry(t *testing.T) {
	ca := newAuthority(t)
	server := ca.serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/blob" {
			_, port, _ := net.SplitHostPort(r.Host)
			http.Redirect(w, r, "https://127.0.0.1:"+port+"/storage", http.StatusTemporaryRedirect)
			return
		}
		clientName(w, r)
	})
	settings, _ := clientTLS(t, ca, "client")
	registry := localhost(t, server)
	for name, test := range map[string]struct {
		registry, url, want string
	}{
		"registry":             {registry, "https://" + registry + "/", "client"},
		"registry in capitals": {strings.ToUpper(registry), "https://" + registry + "/", "client"},
		"redirect":             {registry, "https://" + registry + "/blob", "none"},
		"token server":         {registry, server.URL + "/token", "none"},
		"no registry":          {"", "https://" + registry + "/", "none"},
	} {
		hosts := &Transport{Registry: test.registry, TLS: settings}
		// Twice, and after the registry: neither a cached transport nor a connection may send the
		// certificate to another host.
		if _, err := get(t, hosts, "https://"+registry+"/"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := get(t, hosts, test.url); err != nil || got != test.want {
				t.Errorf("%s: the client is %q, error %v; want %q", name, got, err, test.want)
			}
		}
	}
}

func TestTransportReadsCertsDirs(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	server := ca.serve(t, clientName)
	host := localhost(t, server)
	cert, key := ca.issue(t, "client")
	docker, containers := t.TempDir(), t.TempDir()
	writeFiles(t, filepath.Join(docker, host), map[string][]byte{
		"ca.crt": ca.pem(), "other.crt": other.pem(), "README": nil,
	})
	writeFiles(t, filepath.Join(containers, host), map[string][]byte{"client.cert": cert, "client.key": key})
	tests := map[string]struct {
		directories []string
		url         string
		want        string // empty when the server is not trusted
	}{
		"root":                 {[]string{docker}, "https://" + host, "none"},
		"host in capitals":     {[]string{docker}, "https://" + strings.ToUpper(host), "none"},
		"root and client":      {[]string{docker, containers}, "https://" + host, "client"},
		"client without root":  {[]string{containers}, "https://" + host, ""},
		"for another host":     {[]string{docker, containers}, server.URL, ""},
		"no directory":         {nil, "https://" + host, ""},
		"directory is missing": {[]string{filepath.Join(docker, "missing"), docker}, "https://" + host, "none"},
	}
	for name, test := range tests {
		got, err := get(t, &Transport{CertsDirs: test.directories}, test.url)
		var certificate *tls.CertificateVerificationError
		if test.want == "" && !errors.As(err, &certificate) {
			t.Errorf("%s: response %q, error %v; want a *tls.CertificateVerificationError", name, got, err)
		}
		if test.want != "" && (got != test.want || err != nil) {
			t.Errorf("%s: the client is %q, error %v; want %q", name, got, err, test.want)
		}
	}
}

func TestTransportAddsRootsOfCertsDirs(t *testing.T) {
	explicit, inDirectory := newAuthority(t), newAuthority(t)
	registry, storage := inDirectory.serve(t, clientName), explicit.serve(t, clientName)
	settings, _ := clientTLS(t, explicit, "client")
	directory := t.TempDir()
	writeFiles(t, filepath.Join(directory, localhost(t, registry)), map[string][]byte{"ca.crt": inDirectory.pem()})
	hosts := &Transport{Registry: localhost(t, registry), TLS: settings, CertsDirs: []string{directory}}
	for _, url := range []string{"https://" + localhost(t, registry), "https://" + localhost(t, storage)} {
		if _, err := get(t, hosts, url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := get(t, hosts, registry.URL); err == nil {
		t.Error("the root in one host's directory is trusted for another")
	}
}

func TestTransportReportsBadFiles(t *testing.T) {
	ca := newAuthority(t)
	server := ca.serve(t, clientName)
	host := localhost(t, server)
	good, dir := clientTLS(t, ca, "client")
	_, otherKey := ca.issue(t, "other")
	nonsense := []byte("nonsense")
	writeFiles(t, dir, map[string][]byte{"nonsense.pem": nonsense, "other.pem": otherKey})
	in := func(name string) string { return filepath.Join(dir, name) }
	type files = map[string][]byte
	tests := map[string]struct {
		tls   TLSOptions
		certs files  // in certs.d/HOST
		file  string // that the error names, in dir or certs.d/HOST
		text  string
	}{
		"missing CA":       {TLSOptions{CAFile: in("missing")}, nil, in("missing"), "no such file or directory"},
		"CA is not PEM":    {TLSOptions{CAFile: in("nonsense.pem")}, nil, in("nonsense.pem"), "no valid PEM certificate"},
		"CA is a key":      {TLSOptions{CAFile: good.KeyFile}, nil, good.KeyFile, "no valid PEM certificate"},
		"cert without key": {TLSOptions{CertFile: good.CertFile}, nil, good.CertFile, "needs its key file"},
		"key without cert": {TLSOptions{KeyFile: good.KeyFile}, nil, good.KeyFile, "needs its certificate file"},
		"missing cert":     {TLSOptions{CertFile: in("missing"), KeyFile: good.KeyFile}, nil, in("missing"), "no such file"},
		"missing key":      {TLSOptions{CertFile: good.CertFile, KeyFile: in("missing")}, nil, in("missing"), "no such file"},
		"cert is not PEM": {TLSOptions{CertFile: in("nonsense.pem"), KeyFile: good.KeyFile}, nil, in("nonsense.pem"),
			"failed to find any PEM data"},
		"other key": {TLSOptions{CertFile: good.CertFile, KeyFile: in("other.pem")}, nil, good.CertFile,
			"with key " + in("other.pem") + ": tls: private key does not match"},
		"certs.d: not PEM": {TLSOptions{}, files{"ca.crt": nonsense}, "ca.crt", "no valid PEM certificate"},
		"certs.d: key missing": {TLSOptions{}, files{"a.cert": nonsense}, "a.cert",
			"missing key a.key for this client certificate (a CA certificate must end in .crt)"},
		"certs.d: cert missing": {TLSOptions{}, files{"a.key": nonsense, "b.cert": nonsense, "b.key": nonsense}, "a.key",
			"missing client certificate a.cert for this key"},
		"certs.d: bad pair": {TLSOptions{}, files{"a.cert": nonsense, "a.key": otherKey}, "a.cert", "failed to find any PEM data"},
	}
	for name, test := range tests {
		certs := t.TempDir()
		if test.certs != nil {
			writeFiles(t, filepath.Join(certs, host), test.certs)
			test.file = filepath.Join(certs, host, test.file)
		}
		hosts := &Transport{Registry: host, TLS: test.tls, CertsDirs: []string{certs}}
		body := &closeRecorder{Reader: strings.NewReader("content")}
		for range 2 {
			_, err := hosts.RoundTrip(newRequest(t, "PUT", "https://"+host+"/", body))
			var got *CertificateError
			if !errors.As(err, &got) {
				t.Fatalf("%s: error %v, want a *CertificateError", name, err)
			}
			prefix := "TLS for " + host + ": " + test.file + ": "
			if got.File != test.file || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s: %q, want %q ... %q", name, err, prefix, test.text)
			}
		}
		if !body.closed {
			t.Errorf("%s: the request's body was not closed", name)
		}
	}
}

func TestTransportReportsUnreadableFilesButSkipsDirectories(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can read every file")
	}
	server := newAuthority(t).serve(t, clientName)
	host := localhost(t, server)
	certs := t.TempDir()
	writeFiles(t, filepath.Join(certs, host), map[string][]byte{"ca.crt": nil})
	if err := os.Chmod(filepath.Join(certs, host, "ca.crt"), 0); err != nil {
		t.Fatal(err)
	}
	hosts := &Transport{CertsDirs: []string{certs}, TLS: TLSOptions{Insecure: true}}
	if _, err := get(t, hosts, "https://"+host); !errors.Is(err, os.ErrPermission) {
		t.Errorf("unreadable file: error %v", err)
	}
	if err := os.Chmod(certs, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(certs, 0o700) })
	if _, err := get(t, hosts, "https://"+host); err != nil {
		t.Errorf("unreadable directory: error %v", err)
	}
}

func TestTransportIgnoresBadFilesForPlainHTTP(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	host := localhost(t, server)
	certs := t.TempDir()
	writeFiles(t, filepath.Join(certs, host), map[string][]byte{"ca.crt": nil})
	if _, err := get(t, &Transport{CertsDirs: []string{certs}}, "http://"+host); err != nil {
		t.Error(err)
	}
}

func TestTransportKeepsOneTransportPerConfiguration(t *testing.T) {
	ca := newAuthority(t)
	settings, _ := clientTLS(t, ca, "client")
	certs := t.TempDir()
	writeFiles(t, filepath.Join(certs, "own.example"), map[string][]byte{"ca.crt": ca.pem()})
	hosts := &Transport{Registry: "registry.example", TLS: settings, CertsDirs: []string{certs}}
	transport := func(host string) *http.Transport {
		got, err := hosts.transport(&hosts.regular, host, true)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	shared, registry, own := transport("cdn.example"), transport("registry.example"), transport("own.example")
	if transport("auth.example") != shared {
		t.Error("hosts without files of their own do not share a transport")
	}
	if registry == shared || own == shared || own == registry {
		t.Error("different configurations share a transport")
	}
	if transport("registry.example") != registry || transport("own.example") != own {
		t.Error("a host got a second transport")
	}
}

func TestHostDirectories(t *testing.T) {
	for host, want := range map[string]string{
		"registry.example":      "[registry.example registry.example:443]",
		"registry.example:443":  "[registry.example registry.example:443]",
		"registry.example:5000": "[registry.example:5000]",
		"[::1]:5000":            "[[::1]:5000]",
		"[::1]":                 "[[::1] [::1]:443]",
		"..":                    "[]",
		".":                     "[]",
		"":                      "[]",
		"a/../b":                "[]",
		`a\b`:                   "[]",
	} {
		if got := fmt.Sprint(hostDirectories(host)); got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
	}
}

func TestTransportUsesHTTP2UnlessDisabled(t *testing.T) {
	server := newAuthority(t).serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	for http1, want := range map[bool]string{false: "HTTP/2.0", true: "HTTP/1.1"} {
		got, err := get(t, &Transport{HTTP1: http1, TLS: TLSOptions{Insecure: true}}, server.URL)
		if err != nil || got != want {
			t.Errorf("HTTP1 %v: %s, error %v; want %s", http1, got, err, want)
		}
	}
}

// Each large body has a connection of HTTP/1.1, while other calls share one of HTTP/2.
func TestTransportSendsLargeBodiesOverHTTP1(t *testing.T) {
	server := newAuthority(t).serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		io.WriteString(w, r.Proto+" "+r.RemoteAddr)
	})
	for _, hosts := range []*Transport{{}, {HTTP2: true}} {
		hosts.TLS.Insecure = true
		send := func(ctx context.Context, size int) string {
			req := newRequest(t, "PUT", server.URL, strings.NewReader(strings.Repeat("x", size)))
			resp, err := hosts.RoundTrip(req.WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			return readAll(t, resp)
		}
		small, empty := send(t.Context(), blob.LargeSize-1), send(t.Context(), 0)
		up, down := send(t.Context(), blob.LargeSize), send(WithLargeBody(t.Context()), 0)
		if small != empty || !strings.HasPrefix(small, "HTTP/2.0 ") {
			t.Errorf("small bodies over %q and %q", small, empty)
		}
		if up != down || (up == small) != hosts.HTTP2 || !hosts.HTTP2 && !strings.HasPrefix(up, "HTTP/1.1 ") {
			t.Errorf("HTTP2 %v: large bodies over %q and %q", hosts.HTTP2, up, down)
		}
		hosts.CloseIdleConnections()
		if again := send(t.Context(), blob.LargeSize); again == up {
			t.Errorf("HTTP2 %v: the closed connection %q was used", hosts.HTTP2, up)
		}
		hosts.CloseIdleConnections()
	}
}

// A host that speaks HTTP/2 only gets large bodies over that, from the second attempt on at the latest.
func TestTransportSendsLargeBodiesToHTTP2OnlyHost(t *testing.T) {
	host := serveHTTP2Only(t)
	for name, large := range map[string]func(*http.Request) *http.Request{
		"up": func(req *http.Request) *http.Request {
			req.Method, req.ContentLength = "PUT", blob.LargeSize
			req.GetBody = func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(strings.Repeat("x", blob.LargeSize))), nil
			}
			req.Body, _ = req.GetBody()
			return req
		},
		"down": func(req *http.Request) *http.Request { return req.WithContext(WithLargeBody(req.Context())) },
	} {
		hosts := &Transport{TLS: TLSOptions{Insecure: true}}
		attempts := 0
		retry := &Retry{Sleep: noSleep(nil), Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			attempts++
			return hosts.RoundTrip(req)
		})}
		for i := range 2 {
			resp, err := retry.RoundTrip(large(newRequest(t, "GET", "https://"+host, nil)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := readAll(t, resp); got != "HTTP/2.0" || attempts > 2+i {
				t.Errorf("%s: over %s after %d attempts", name, got, attempts)
			}
		}
		hosts.CloseIdleConnections()
	}
}

// serveHTTP2Only starts a TLS server that speaks HTTP/2 only, and returns its address.
func serveHTTP2Only(t *testing.T) string {
	t.Helper()
	pair, err := tls.X509KeyPair(newAuthority(t).issue(t, "server"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Protocols: new(http.Protocols), ErrorLog: silentLog()}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Protocols.SetHTTP2(true)
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		io.WriteString(w, r.Proto)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// What hosts that speak HTTP/2 only answer to HTTP/1.1.
func TestIsHTTP2Only(t *testing.T) {
	for text, want := range map[string]bool{
		"remote error: tls: no application protocol":                                                     true,
		`net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x00\x00\x12\x04\x00"`: true,
		`net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x01"`:         false,
		"EOF": false,
	} {
		if got := isHTTP2Only(errors.New(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if isHTTP2Only(nil) || !isHTTP2Only(opError("remote error", alertNoProtocol)) {
		t.Error("the alert is not recognised, or no error is")
	}
}

func TestTransportResumesTLSSessions(t *testing.T) {
	ca := newAuthority(t)
	server := ca.serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS.DidResume) })
	settings, _ := clientTLS(t, ca, "client")
	hosts := &Transport{TLS: settings, HTTP1: true}
	for _, want := range []string{"false", "true"} {
		if got, err := get(t, hosts, server.URL); err != nil || got != want {
			t.Errorf("resumed: %s, error %v; want %s", got, err, want)
		}
		hosts.CloseIdleConnections()
	}
}

// After a redirect of a large body to another host, the first host's responses count as small.
// After a redirect within the host they do not.
func TestTransportRemembersRedirectsOfLargeBodies(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	}
	ca := newAuthority(t)
	storage := ca.serve(t, func(w http.ResponseWriter, r *http.Request) { note("storage " + r.Proto) })
	server := ca.serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r.Proto)
		switch r.URL.Path {
		case "/other-host":
			http.Redirect(w, r, storage.URL, http.StatusTemporaryRedirect)
		case "/same-host":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}
	})
	for path, want := range map[string]string{
		"/other-host": "HTTP/1.1, storage HTTP/1.1, HTTP/2.0, storage HTTP/1.1",
		"/same-host":  "HTTP/1.1, HTTP/1.1, HTTP/1.1, HTTP/1.1",
	} {
		client := &http.Client{Transport: &Transport{TLS: TLSOptions{Insecure: true}}}
		for range 2 {
			req := newRequest(t, "GET", server.URL+path, nil)
			resp, err := client.Do(req.WithContext(WithLargeBody(req.Context())))
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, resp)
		}
		if got := strings.Join(seen, ", "); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		seen = nil
		client.CloseIdleConnections()
	}
}

func TestTransportDoesNotAskForCompression(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q", r.Header["Accept-Encoding"], r.UserAgent())
	}))
	defer server.Close()
	for want, rt := range map[string]http.RoundTripper{
		`[] "Go-http-client/1.1"`:      new(Transport),
		`["identity"] "transship/1.0"`: &Headers{UserAgent: "transship/1.0", Base: new(Transport)},
	} {
		if got, err := get(t, rt, server.URL); err != nil || got != want {
			t.Errorf("%s, error %v; want %s", got, err, want)
		}
	}
}

func TestTransportSendsThroughProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "proxy for "+r.URL.String())
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	const registry = "http://registry.example/v2/"
	got, err := get(t, &Transport{Proxy: http.ProxyURL(address)}, registry)
	if err != nil || got != "proxy for "+registry {
		t.Errorf("%q, error %v", got, err)
	}
}

// 64 requests at once need as many connections. The next 64 use the same.
func TestTransportKeepsConnections(t *testing.T) {
	const streams = 64
	var connections, waiting atomic.Int32
	var gate atomic.Pointer[chan struct{}]
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		open := *gate.Load()
		if waiting.Add(1) == streams {
			close(open)
		}
		<-open
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	hosts := new(Transport)
	for round := range 2 {
		open := make(chan struct{})
		gate.Store(&open)
		waiting.Store(0)
		var group sync.WaitGroup
		for range streams {
			group.Go(func() {
				if _, err := get(t, hosts, server.URL); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := connections.Load(); got != streams {
			t.Errorf("%d connections after round %d, want %d", got, round+1, streams)
		}
	}
	hosts.CloseIdleConnections()
}
