package wire

import (
	"cmp"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// DefaultSendBuffer is how many bytes of a large body are sent at a time unless
// Transport.SendBuffer says otherwise.
const DefaultSendBuffer = 256 << 10

// sendBuffers are the buffers from which connections send large bodies. net/http sends 32 KiB at a
// time, and each time costs a system call to read, one to write, and a wake-up of the peer.
type sendBuffers struct {
	size  int // bytes of a buffer
	pool  sync.Pool
	ahead sync.Pool // of readAhead
}

func newSendBuffers(size int) *sendBuffers {
	b := &sendBuffers{size: cmp.Or(size, DefaultSendBuffer)}
	b.pool.New = func() any {
		buf := make([]byte, b.size)
		return &buf
	}
	return b
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// wrap returns a dial whose TCP connections send from these buffers.
func (b *sendBuffers) wrap(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			return &bufferedConn{resetConn: newResetConn(tcp, &b.ahead), buffers: b}, nil
		}
		return conn, err
	}
}

// bufferedConn is a connection that sends large bodies from buffers.
type bufferedConn struct {
	*resetConn
	buffers    *sendBuffers
	congestion atomic.Pointer[string] // what it was given, nil for the system's
}

// ReadFrom implements io.ReaderFrom, which net/http uses to send a body over a connection without
// TLS: a body of known length comes as an io.LimitedReader. A body of less than 4 buffers is sent
// as net/http does it, since many of those may be sent at the same time.
func (c *bufferedConn) ReadFrom(r io.Reader) (int64, error) {
	body, ok := r.(*io.LimitedReader)
	if !ok || body.N < 4*int64(c.buffers.size) {
		return c.resetConn.ReadFrom(r)
	}
	buf := c.buffers.pool.Get().(*[]byte)
	defer c.buffers.pool.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{c.resetConn}, r, *buf)
}
