package record

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// proxy is a proxy for the calls of one program (RFC 9110, sections 7.6 and 9.3.6). Of a call over TLS
// it is the server itself, with a certificate that the program trusts.
type proxy struct {
	relay     *relay
	authority *authority
	trusted   string // file with the certificates that the program trusts

	listener net.Listener
	tunnels  *tunnels
	outer    *http.Server // speaks with the program
	inner    *http.Server // speaks with it inside of its tunnels
}

// newProxy opens a port on loopback.
func newProxy(r *relay) (*proxy, error) {
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	trusted, err := writeTrusted(authority.pem())
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Remove(trusted)
		return nil, err
	}
	p := &proxy{relay: r, authority: authority, trusted: trusted, listener: l}
	p.tunnels = &tunnels{Listener: l, opened: make(chan net.Conn), closed: make(chan struct{})}
	errorLog := newErrorLog(func(err error) {
		if !strings.HasPrefix(err.Error(), "http: TLS handshake error") { // its tunnel says more
			r.fail("the command's connection", err)
		}
	})
	p.outer = &http.Server{Handler: http.HandlerFunc(p.serveOuter), ReadHeaderTimeout: time.Minute, ErrorLog: errorLog}
	p.inner = &http.Server{
		Handler:           http.HandlerFunc(p.serveInner),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          errorLog,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: authority.get},
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, tunnelKey{}, conn.(*tls.Conn).NetConn().(*tunnel))
		},
	}
	return p, nil
}

// start answers calls from now on.
func (p *proxy) start() {
	go p.outer.Serve(p.listener)
	go p.inner.ServeTLS(p.tunnels, "", "")
}

// close ends all calls.
func (p *proxy) close() {
	p.outer.Close()
	p.inner.Close()
	os.Remove(p.trusted)
}

// serveOuter answers a request to the proxy: for a tunnel, or for a URL without TLS.
func (p *proxy) serveOuter(w http.ResponseWriter, in *http.Request) {
	switch {
	case in.Method == http.MethodConnect:
		p.openTunnel(w, in)
	case isPreface(in):
		p.relay.declinePreface(w, in, "http", p.listener.Addr().String())
	case in.URL.Scheme == "http" && in.URL.Host != "":
		p.relay.serve(w, in, destination{url: in.URL, host: in.Host})
	default:
		p.relay.decline(w, in, in.URL, http.StatusBadRequest, "this is a proxy for HTTP and HTTPS")
	}
}

type tunnelKey struct{}

// serveInner answers a request inside of a tunnel.
func (p *proxy) serveInner(w http.ResponseWriter, in *http.Request) {
	t := in.Context().Value(tunnelKey{}).(*tunnel)
	t.used.Store(true)
	to := *in.URL
	to.Scheme, to.Host = "https", withoutDefaultPort(t.target)
	p.relay.serve(w, in, destination{url: &to, host: in.Host})
}

// withoutDefaultPort returns a host as URLs have it.
func withoutDefaultPort(target string) string {
	u := url.URL{Host: target}
	if u.Port() != "443" {
		return target
	}
	return target[:len(target)-len(":443")]
}

// openTunnel answers a CONNECT, and hands the connection to the inner server. One to a host that may not be called is
// refused as a call is: a program that does not trust the run's certificates would make none.
func (p *proxy) openTunnel(w http.ResponseWriter, in *http.Request) {
	if _, _, err := net.SplitHostPort(in.Host); err != nil {
		p.relay.decline(w, in, in.URL, http.StatusBadRequest, "CONNECT needs HOST:PORT")
		return
	}
	if to := (&url.URL{Scheme: "https", Host: withoutDefaultPort(in.Host)}); !p.relay.allows(to) {
		p.relay.pass(w, in, destination{url: to, host: in.Host}, p.relay.send)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.relay.fail("CONNECT "+in.Host, err)
		return
	}
	_ = conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	p.tunnels.add(&tunnel{Conn: conn, read: buffered, target: in.Host, unused: func() {
		p.relay.fail("CONNECT "+in.Host, errUnused)
	}})
}

var errUnused = errors.New("the command ended the connection before a call; " +
	"it may not trust the certificates in the file that SSL_CERT_FILE names")

// tunnel is a connection in which the program speaks with target, as it believes.
type tunnel struct {
	net.Conn
	read   io.Reader // of Conn, with what came behind the CONNECT
	target string    // HOST:PORT
	used   atomic.Bool
	unused func() // called at the end of one that no call came through
	once   sync.Once
}

// Close implements net.Conn.
func (t *tunnel) Close() error {
	if !t.used.Load() {
		t.once.Do(t.unused)
	}
	return t.Conn.Close()
}

// Read implements net.Conn.
func (t *tunnel) Read(p []byte) (int, error) { return t.read.Read(p) }

// tunnels is the listener whose connections are tunnels.
type tunnels struct {
	net.Listener // for Addr
	opened       chan net.Conn
	once         sync.Once
	closed       chan struct{}
}

// add hands over a connection, or closes it if the listener is closed.
func (t *tunnels) add(conn net.Conn) {
	select {
	case t.opened <- conn:
	case <-t.closed:
		conn.Close()
	}
}

// Accept implements net.Listener.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.opened:
		return conn, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

// environment returns the variables that have a program use the proxy and trust its certificates. Both
// spellings of the proxy's are in use: curl reads http_proxy alone.
func (p *proxy) environment() []string {
	all := os.Environ()
	at := "http://" + p.listener.Addr().String()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		all = append(all, name+"="+at)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"} {
		all = append(all, name+"=")
	}
	for _, name := range []string{
		"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE",
		"CARGO_HTTP_CAINFO", "DENO_CERT",
	} {
		all = append(all, name+"="+p.trusted)
	}
	return append(all, "NODE_USE_ENV_PROXY=1") // else Node.js reads no variable of the proxy's
}

// writeTrusted writes a file with the system's certificates and one more. Hosts that a program calls
// without the proxy keep their own certificates.
func writeTrusted(own []byte) (name string, err error) {
	file, err := os.CreateTemp("", "transship-record-*.pem")
	if err != nil {
		return "", fmt.Errorf("the file of trusted certificates: %w", err)
	}
	_, err = file.Write(append(systemCertificates(), own...))
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("the file of trusted certificates: %w", err)
	}
	return file.Name(), nil
}

// systemCertificates returns the system's certificates in PEM: those of SSL_CERT_FILE, or of the first
// file that Linux distributions have (crypto/x509, root_linux.go). None are an empty list: then only
// calls through the proxy are trusted.
func systemCertificates() []byte {
	for _, name := range []string{
		os.Getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS, RHEL 7
		"/etc/ssl/cert.pem",                                 // Alpine, macOS
	} {
		if text, err := os.ReadFile(name); name != "" && err == nil {
			return append(text, '\n')
		}
	}
	return nil
}
