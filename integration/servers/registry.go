package servers

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hczjl/transship/integration/wan"
)

// Options say how a registry is set up. The zero value is open to everybody by plain HTTP, keeps its content in a
// temporary folder and allows deletes.
type Options struct {
	Users              map[string]string // name to password; they are asked for by Basic authentication (htpasswd)
	Tokens             *TokenServer      // issues the bearer tokens that the registry asks for
	TLS                *Certificates     // serve HTTPS with these
	ClientCertificates bool              // with TLS: refuse clients without a certificate of the same CA
	InMemory           bool              // keep content in memory
	NoDelete           bool              // answer 405 to every DELETE
	RelativeURLs       bool              // answer with relative Locations
	ForeignLayers      bool              // accept manifests whose layers are at URLs elsewhere
	MirrorOf           string            // be a pull-through cache of the registry with this URL
	At                 *wan.End          // run at an end of a long link; nil is this machine's own network
}

// Registry is a running registry.
type Registry struct {
	Endpoint
	accessLog
	Dir string // its folder: config.yml, logs, and unless in memory the content in data/

	process *process
	metrics metrics
}

// CNCF starts CNCF distribution v3 (package cncf, see go.mod for the version).
func CNCF(t testing.TB, o Options) *Registry {
	t.Helper()
	return startRegistry(t, goTool(t, "cncf"), o)
}

// Debian starts Debian's docker-registry, which is distribution 2.8.
func Debian(t testing.TB, o Options) *Registry {
	t.Helper()
	return startRegistry(t, Find(t, "docker-registry", "docker-registry"), o)
}

// Kill ends the registry at once, as a crash does.
func (r *Registry) Kill() { r.process.kill() }

// Stall stops the registry by SIGSTOP, and lets it go on after a time.
func (r *Registry) Stall(d time.Duration) error {
	group := -r.process.cmd.Process.Pid
	if err := syscall.Kill(group, syscall.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(d)
	return syscall.Kill(group, syscall.SIGCONT)
}

func startRegistry(t testing.TB, program string, o Options) *Registry {
	t.Helper()
	r := &Registry{Dir: t.TempDir()}
	file := filepath.Join(r.Dir, "config.yml")
	s := service{dir: r.Dir, ports: 2}
	s.command = func(ports []int) *exec.Cmd {
		o.writeConfig(t, r.Dir, file, o.address(ports[0]), o.address(ports[1]))
		words := append(o.enter(), program, "serve", file)
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
		return cmd
	}
	s.ready = func(ports []int) error {
		r.Endpoint = o.endpoint(o.address(ports[0]))
		return r.answers(instance, r.Dir)
	}
	p, ports := s.start(t)
	r.process = p
	r.metrics = metrics{p.stdout, "http://" + o.address(ports[1]) + "/metrics", &http.Client{Transport: o.transport()}}
	r.accessLog = accessLog{file: p.stdout, settle: r.metrics.settle}
	return r
}

// endpoint is where a registry with these options listens.
func (o Options) endpoint(host string) Endpoint {
	e := Endpoint{Host: host, URL: "http://" + host}
	base := o.transport()
	if o.TLS != nil {
		e.URL = "https://" + host
		base.TLSClientConfig = &tls.Config{RootCAs: o.TLS.Pool, Certificates: []tls.Certificate{o.TLS.Client}}
	}
	e.Client = &http.Client{Transport: transport{base, o.authorize()}}
	return e
}

// transport reaches the registry from where it runs.
func (o Options) transport() *http.Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	if o.At != nil {
		base.DialContext = o.At.Dial
	}
	return base
}

// address is where a registry with these options listens on a port.
func (o Options) address(port int) string {
	if o.At == nil {
		return loopback(port)
	}
	return net.JoinHostPort(o.At.Address, fmt.Sprint(port))
}

// enter are the words before the command that starts it.
func (o Options) enter() []string {
	if o.At == nil {
		return nil
	}
	return slices.Clone(o.At.Enter)
}

// authorize gives the harness access to everything.
func (o Options) authorize() func(*http.Request) {
	switch {
	case o.Tokens != nil:
		return o.Tokens.authorize
	case len(o.Users) > 0:
		return func(req *http.Request) {
			for user, password := range o.Users {
				req.SetBasicAuth(user, password)
				return
			}
		}
	default:
		return nil
	}
}

// object is a mapping in a configuration file.
type object map[string]any

// writeConfig writes the registry's configuration to file, as JSON, which is YAML too.
func (o Options) writeConfig(t testing.TB, dir, file, addr, debug string) {
	t.Helper()
	config := object{
		"version": 0.1,
		"log":     object{"formatter": "json", "level": "warn"},
		"storage": o.storage(dir),
		"http": object{
			"addr":         addr,
			"secret":       "transship",
			"relativeurls": o.RelativeURLs,
			"headers":      object{instance: []string{dir}},
			"debug":        object{"addr": debug, "prometheus": object{"enabled": true}},
			"tls":          o.tls(),
		},
	}
	if auth := o.auth(t, dir); auth != nil {
		config["auth"] = auth
	}
	if o.ForeignLayers {
		config["validation"] = object{"manifests": object{"urls": object{"allow": []string{"^https://"}}}}
	}
	if o.MirrorOf != "" {
		config["proxy"] = object{"remoteurl": o.MirrorOf}
	}
	raw, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (o Options) storage(dir string) object {
	s := object{
		"delete":      object{"enabled": !o.NoDelete},
		"maintenance": object{"uploadpurging": object{"enabled": false}},
	}
	if o.InMemory {
		s["inmemory"] = object{}
	} else {
		s["filesystem"] = object{"rootdirectory": filepath.Join(dir, "data")}
	}
	return s
}

func (o Options) tls() object {
	if o.TLS == nil {
		return object{}
	}
	tls := object{"certificate": o.TLS.ServerCertFile, "key": o.TLS.ServerKeyFile}
	if o.ClientCertificates {
		tls["clientcas"] = []string{o.TLS.CAFile}
	}
	return tls
}

func (o Options) auth(t testing.TB, dir string) object {
	switch {
	case o.Tokens != nil:
		return object{"token": object{
			"realm":          o.Tokens.Realm,
			"service":        o.Tokens.Service,
			"issuer":         issuer,
			"rootcertbundle": o.Tokens.certFile,
		}}
	case len(o.Users) > 0:
		return object{"htpasswd": object{"realm": "transship", "path": htpasswd(t, dir, o.Users)}}
	default:
		return nil
	}
}

// htpasswd writes a password file as `htpasswd -B` would, and gives its path.
func htpasswd(t testing.TB, dir string, users map[string]string) string {
	t.Helper()
	var lines []string
	for user, password := range users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, user+":"+string(hash)+"\n")
	}
	slices.Sort(lines)
	file := filepath.Join(dir, "htpasswd")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
