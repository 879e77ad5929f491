package wire

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/iotest"
)

// The bytes of a connection come whole and in order, whatever pieces they are read in, and the buffer is
// given back when they have been read.
func TestReadAhead(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	random := rand.New(rand.NewPCG(1, 2))
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(random.Uint32())
	}
	for _, size := range []int{1 << 10, 33_000, readAheadSize, 300_000} {
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = conn.Write(sent)
		}()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := newResetConn(conn.(*net.TCPConn), new(sync.Pool))
		var got bytes.Buffer
		_, err = io.CopyBuffer(struct{ io.Writer }{&got}, iotest.OneByteReader(io.LimitReader(c, 10)), make([]byte, 10))
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{c}, make([]byte, size))
		}
		if err != nil || !bytes.Equal(got.Bytes(), sent) {
			t.Errorf("read by %d: %v, %d of %d bytes, or other ones", size, err, got.Len(), len(sent))
		}
		if len(c.ahead.pending) > 0 {
			t.Errorf("read by %d: it keeps a buffer", size)
		}
		conn.Close()
	}
}
