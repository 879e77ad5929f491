package wire

import (
	"net"
	"sync"
)

// readAheadSize is how many bytes of a connection are read at a time while more are waiting.
const readAheadSize = 64 << 10

// readAhead reads a connection in larger pieces than its reader asks for: crypto/tls reads two records,
// 32 KiB, at a time, and each time is a system call. It has a buffer only while bytes come faster than
// they are read, so that the many connections that wait for an answer have none.
type readAhead struct {
	conn    *net.TCPConn
	buffers *sync.Pool // of *[readAheadSize]byte
	more    bool       // the last read was filled
	buf     *[readAheadSize]byte
	pending []byte // of buf
}

// Read implements io.Reader.
func (r *readAhead) Read(p []byte) (int, error) {
	if len(r.pending) == 0 {
		if !r.more || len(p) >= readAheadSize {
			n, err := r.conn.Read(p)
			r.more = n == len(p)
			return n, err
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	if len(r.pending) == 0 {
		r.buffers.Put(r.buf)
	}
	return n, nil
}

// fill reads the next bytes into a buffer.
func (r *readAhead) fill() error {
	var ok bool
	if r.buf, ok = r.buffers.Get().(*[readAheadSize]byte); !ok {
		r.buf = new([readAheadSize]byte)
	}
	n, err := r.conn.Read(r.buf[:])
	if n == 0 {
		r.buffers.Put(r.buf)
		return err
	}
	r.pending, r.more = r.buf[:n], n == readAheadSize
	return nil // an error comes again
}
