package wire_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/wire"
)

// endless is a body that does not run out.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// refuseAtOnce answers before it has read any of a body, and closes the connection with the body unread, which resets it.
func refuseAtOnce(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 9\r\n\r\ntoo large")
		if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = over.NetConn() // without TLS's goodbye
		}
		conn.Close()
	})
}

// The answer of a registry that refuses a large body without reading it is what a call ends with, not that the
// connection was reset.
func TestAnEarlyAnswerIsHeard(t *testing.T) {
	for name, server := range map[string]*httptest.Server{
		"plain": httptest.NewServer(refuseAtOnce(t)),
		"tls":   httptest.NewTLSServer(refuseAtOnce(t)),
	} {
		hosts := &wire.Hosts{TLS: wire.TLS{Insecure: true}}
		for n := range 20 {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, io.NopCloser(endless{}))
			req.ContentLength = 1 << 30
			resp, err := hosts.RoundTrip(req)
			if err != nil {
				t.Errorf("%s, call %d: %v", name, n+1, err)
				break
			}
			said := new(strings.Builder)
			_, err = io.Copy(said, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge || said.String() != "too large" || err != nil {
				t.Errorf("%s, call %d: %d %q, error %v", name, n+1, resp.StatusCode, said, err)
			}
		}
		hosts.CloseIdleConnections()
		server.Close()
	}
}
