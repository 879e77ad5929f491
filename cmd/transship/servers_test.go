package main

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// server is an embedded registry on a loopback port, with rules for faults.
type server struct {
	*registry.Faults
	t    testing.TB
	host string // host:port
}

// startServer starts an empty registry.
func startServer(t testing.TB) *server {
	t.Helper()
	f := &registry.Faults{Handler: &registry.Handler{}}
	return &server{f, t, listen(t, f)}
}

// has reports whether the registry has a tag or digest, past all fault rules.
func (s *server) has(repo, ref string) bool {
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/v2/"+repo+"/manifests/"+ref, nil))
	return w.Code == http.StatusOK
}

// listen serves plain HTTP on loopback, and returns host:port.
func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	s := newUnstartedServer(t, h)
	s.Start()
	return s.Listener.Addr().String()
}

// listenTLS serves TLS on loopback with an untrusted certificate, and returns host:port.
func listenTLS(t testing.TB, h http.Handler) string {
	t.Helper()
	s := newUnstartedServer(t, h)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	return s.Listener.Addr().String()
}

func newUnstartedServer(t testing.TB, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

// unusedAddress returns a loopback address where nothing listens. It is the local address of an
// open connection, so that no other process gets the port.
func unusedAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client.LocalAddr().String()
}

// listenNonLoopback serves plain HTTP on an address of the machine that is not loopback. It skips
// the test if there is none.
func listenNonLoopback(t testing.TB, h http.Handler) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || !network.IP.IsGlobalUnicast() {
			continue
		}
		s := newUnstartedServer(t, h)
		if l, err := net.Listen("tcp", net.JoinHostPort(network.IP.String(), "0")); err == nil {
			s.Listener.Close()
			s.Listener = l
			s.Start()
			return l.Addr().String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

// serverCertificate returns a server's certificate in PEM.
func serverCertificate(t testing.TB, host string) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
}
