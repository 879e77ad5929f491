package wire

import (
	"cmp"
	"context"
	"io"
	"net"
	"sync"
)

// DefaultBuffer is how many bytes of a large body are sent at a time unless
// told otherwise.
const DefaultBuffer = 256 << 10

// bulk sends large bodies in larger pieces than net/http does, which takes 32
// KiB at a time: each is a system call for the reader, one for the writer, and
// wakes a peer.
type bulk struct {
	size int // bytes of a piece
	pool sync.Pool
}

func newBulk(size int) *bulk {
	b := &bulk{size: cmp.Or(size, DefaultBuffer)}
	b.pool.New = func() any {
		buf := make([]byte, b.size)
		return &buf
	}
	return b
}

// over returns a dial whose TCP connections send in such pieces.
func (b *bulk) over(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			return &bulkConn{newHeardConn(tcp), b}, nil
		}
		return conn, err
	}
}

// bulkConn is such a connection.
type bulkConn struct {
	*heardConn
	bulk *bulk
}

// ReadFrom implements io.ReaderFrom, by which net/http sends a body over a
// connection without TLS: a body of known length comes as an io.LimitedReader.
// A body of a few pieces is sent as net/http does it, since many of those may be
// under way.
func (c *bulkConn) ReadFrom(r io.Reader) (int64, error) {
	body, ok := r.(*io.LimitedReader)
	if !ok || body.N < 4*int64(c.bulk.size) {
		return c.heardConn.ReadFrom(r)
	}
	buf := c.bulk.pool.Get().(*[]byte)
	defer c.bulk.pool.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{c.heardConn}, r, *buf)
}
