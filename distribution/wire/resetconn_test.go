package wire

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// endlessBody is a body without an end.
type endlessBody struct{}

func (endlessBody) Read(p []byte) (int, error) { return len(p), nil }

// refuseUnread answers 413 without reading the body, and closes the connection, which resets it.
func refuseUnread(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 9\r\n\r\ntoo large")
		if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = tls.NetConn() // so that no TLS alert is sent
		}
		conn.Close()
	})
}

// A call ends with the response of a registry that refuses a large body unread, and not with the
// reset of the connection.
func TestTransportReturnsResponseBeforeReset(t *testing.T) {
	for name, server := range map[string]*httptest.Server{
		"plain": httptest.NewServer(refuseUnread(t)),
		"tls":   httptest.NewTLSServer(refuseUnread(t)),
	} {
		hosts := &Transport{TLS: TLSOptions{Insecure: true}}
		for n := range 20 {
			req := newRequest(t, "PUT", server.URL, endlessBody{})
			req.ContentLength = 1 << 30
			resp, err := hosts.RoundTrip(req)
			if err != nil {
				t.Errorf("%s, call %d: %v", name, n+1, err)
				break
			}
			if body := readAll(t, resp); resp.StatusCode != http.StatusRequestEntityTooLarge || body != "too large" {
				t.Errorf("%s, call %d: %d %q", name, n+1, resp.StatusCode, body)
			}
		}
		hosts.CloseIdleConnections()
		server.Close()
	}
}
