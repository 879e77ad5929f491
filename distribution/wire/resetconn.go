package wire

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// answerGrace is how long a write that met a reset waits for the reader of its connection, which
// has only to read what has already arrived.
const answerGrace = time.Second

// resetConn delays a write's ECONNRESET until the reader has seen what the peer sent, so that a 413
// or 403 is not lost to the reset.
//
// A registry that refuses a large body may answer and close the connection without reading the
// body, which resets the connection. net/http writes and reads side by side, and reports what it
// learns first. If that is the failed write, the response is lost, and the body is sent again to no
// purpose. (RFC 9112, section 9.6, asks servers to read on for a while. Not all do.)
type resetConn struct {
	*net.TCPConn
	ahead readAhead // what is read passes it

	once     sync.Once
	readDone chan struct{} // closed after the last Read
}

func newResetConn(conn *net.TCPConn, buffers *sync.Pool) *resetConn {
	return &resetConn{TCPConn: conn, ahead: readAhead{conn: conn, buffers: buffers}, readDone: make(chan struct{})}
}

func (c *resetConn) endReading() { c.once.Do(func() { close(c.readDone) }) }

// Read ends the reading when it fails.
func (c *resetConn) Read(p []byte) (int, error) {
	n, err := c.ahead.Read(p)
	if err != nil {
		c.endReading()
	}
	return n, err
}

// Write fails with a reset after all has been read.
func (c *resetConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.waitForAnswer(err)
	return n, err
}

// ReadFrom fails like Write.
func (c *resetConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(r)
	c.waitForAnswer(err)
	return n, err
}

// Close ends the wait of a Write.
func (c *resetConn) Close() error {
	c.endReading()
	return c.TCPConn.Close()
}

// waitForAnswer waits for the reader if a write has met a reset.
func (c *resetConn) waitForAnswer(err error) {
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return
	}
	timer := time.NewTimer(answerGrace)
	defer timer.Stop()
	select {
	case <-c.readDone:
	case <-timer.C:
	}
}
