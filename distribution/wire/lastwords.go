package wire

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// lastWords is how long a write that met a reset waits for the reader of its
// connection, which has only to take what has come already.
const lastWords = time.Second

// heardConn is a TCP connection on which what the peer has said is heard
// before a write fails.
//
// A registry that refuses a large body may answer and close the connection
// with the body unread, and that is a reset. net/http, which writes and reads
// side by side, reports whichever it learns of first. Where that is the write's
// failure the answer, a 413 or a 403, is lost, and the body is sent again for
// nothing. (RFC 9112, section 9.6, asks servers to read on for a while. Not all
// do.)
type heardConn struct {
	*net.TCPConn

	once  sync.Once
	ended chan struct{} // closed when nothing is read any more
}

func newHeardConn(conn *net.TCPConn) *heardConn {
	return &heardConn{TCPConn: conn, ended: make(chan struct{})}
}

func (c *heardConn) end() { c.once.Do(func() { close(c.ended) }) }

// Read notes that it has failed.
func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if err != nil {
		c.end()
	}
	return n, err
}

// Write fails with a reset when all has been read.
func (c *heardConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.hear(err)
	return n, err
}

// ReadFrom fails like Write.
func (c *heardConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(r)
	c.hear(err)
	return n, err
}

// Close ends a Write that waits.
func (c *heardConn) Close() error {
	c.end()
	return c.TCPConn.Close()
}

// hear waits for the reader where a write has met a reset.
func (c *heardConn) hear(err error) {
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
	}
}
