package wire

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"

	"github.com/hczjl/transship/blob"
)

const (
	// DefaultSendCongestion is the congestion control of TCP for connections that upload large bodies.
	// An upload is one connection by the protocol. cubic, Linux's own choice, takes each lost packet for a
	// full link: a path of 100 ms that loses one in a thousand carries 0.6 MB/s then. bbr measures what
	// the path delivers (draft-ietf-ccwg-bbr).
	DefaultSendCongestion = "bbr"
	// SystemCongestion leaves the system's choice.
	SystemCongestion = "system"
)

// SendCongestion is the congestion control of TCP for connections that upload large bodies, by the
// name that Linux has for it (tcp(7), TCP_CONGESTION). Empty is DefaultSendCongestion where the
// system offers it.
type SendCongestion string

// Check returns an error if the system does not offer the congestion control to this process.
func (c SendCongestion) Check() error {
	if c == "" || c == SystemCongestion {
		return nil
	}
	return tryCongestion(string(c))
}

// watch returns req so that the connection that it gets has the congestion control, if req uploads a
// large body.
func (c SendCongestion) watch(req *http.Request) *http.Request {
	if c == SystemCongestion || req.ContentLength < blob.LargeSize {
		return req
	}
	name := string(c)
	if c == "" {
		name = DefaultSendCongestion
	}
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { setSendCongestion(info.Conn, name) },
	})
	return req.WithContext(ctx)
}

// setSendCongestion gives a connection a congestion control, unless its other end is this machine.
func setSendCongestion(conn net.Conn, name string) {
	c, ok := bufferedConnOf(conn)
	if !ok || c.congestion.Load() != nil {
		return
	}
	if to, ok := c.RemoteAddr().(*net.TCPAddr); ok && to.IP.IsLoopback() {
		return
	}
	if setCongestion(c.TCPConn, name) == nil {
		c.congestion.Store(&name)
	}
}

// sendCongestionOf returns the congestion control that a connection was given, or "".
func sendCongestionOf(conn net.Conn) string {
	if c, ok := bufferedConnOf(conn); ok {
		if name := c.congestion.Load(); name != nil {
			return *name
		}
	}
	return ""
}

func bufferedConnOf(conn net.Conn) (*bufferedConn, bool) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c, ok := conn.(*bufferedConn)
	return c, ok
}
