package listen

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/hczjl/transship/distribution/wire"
)

const (
	// maxRecord is the largest record of TLS in bytes (RFC 8446, section 5.2).
	maxRecord = 16<<10 + 256 + 5
	// gatherSize is how many bytes of records are sent at a time.
	gatherSize = 8 * maxRecord
)

// gatherListener accepts connections below TLS, each a [gatherConn].
type gatherListener struct {
	net.Listener
	buffers sync.Pool // of *[gatherSize]byte
}

// Accept implements net.Listener.
func (l *gatherListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &gatherConn{Conn: conn, buffers: &l.buffers}, nil
}

// gatherConn sends the records of one write to TLS together. crypto/tls writes each record of 16 KiB by
// itself, and each write is a system call and may wake the client up.
type gatherConn struct {
	net.Conn
	buffers *sync.Pool

	mu     sync.Mutex
	buf    *[gatherSize]byte // nil unless records are gathered
	length int               // of what is in buf
}

// Write sends p, or gathers it.
func (c *gatherConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buf == nil {
		return c.Conn.Write(p)
	}
	if len(p) > len(c.buf)-c.length {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > len(c.buf) { // no record is
		return c.Conn.Write(p)
	}
	c.length += copy(c.buf[c.length:], p)
	return len(p), nil
}

// flush sends what was gathered.
func (c *gatherConn) flush() error {
	if c.length == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.buf[:c.length])
	c.length = 0
	return err
}

// gather gathers what write writes, and sends it at the end.
func (c *gatherConn) gather(write func() (int, error)) (int, error) {
	buf, ok := c.buffers.Get().(*[gatherSize]byte)
	if !ok {
		buf = new([gatherSize]byte)
	}
	c.mu.Lock()
	c.buf = buf
	c.mu.Unlock()
	n, err := write()
	c.mu.Lock()
	defer c.mu.Unlock()
	flushed := c.flush()
	c.buffers.Put(c.buf)
	c.buf = nil
	if err == nil {
		err = flushed
	}
	return n, err
}

type gatherKey struct{}

// connContext is [http.Server]'s ConnContext.
func connContext(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		ctx = context.WithValue(ctx, gatherKey{}, secure.NetConn())
	}
	return wire.ServedConn(ctx, conn)
}

// gatherWrites has the large writes of responses gathered. The streams of HTTP/2 share a connection,
// which writes their frames when it likes.
func gatherWrites(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(gatherKey{}).(*gatherConn); ok && r.ProtoMajor == 1 {
			w = &gatherResponse{w, conn}
		}
		h.ServeHTTP(w, r)
	})
}

// gatherResponse is a response over a [gatherConn].
type gatherResponse struct {
	http.ResponseWriter
	conn *gatherConn
}

// Unwrap is for [http.ResponseController].
func (g *gatherResponse) Unwrap() http.ResponseWriter { return g.ResponseWriter }

// Write implements io.Writer.
func (g *gatherResponse) Write(p []byte) (int, error) {
	if len(p) < maxRecord {
		return g.ResponseWriter.Write(p)
	}
	return g.conn.gather(func() (int, error) { return g.ResponseWriter.Write(p) })
}
