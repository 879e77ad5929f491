package record

import (
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

const (
	// largeBuffer is how many bytes of a large body are passed on at a time. Where all cores are busy, a
	// pull in pieces of 256 KiB takes 1.15 times as long: client, recorder and registry wake one another
	// more often.
	largeBuffer = 4 << 20
	// maxLarge is how many of these there are; further bodies have small ones.
	maxLarge = 4
	// leastRead is how many bytes of a large body are passed on at least. TLS is read by 16 KiB.
	leastRead = 64 << 10
)

// largeBuffers is an [httputil.BufferPool] of large buffers, while there are any.
type largeBuffers struct {
	small blob.Buffers // for further bodies

	mu   sync.Mutex
	free [][]byte
	made int
}

// Get implements httputil.BufferPool.
func (b *largeBuffers) Get() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last := len(b.free) - 1; last >= 0 {
		buf := b.free[last]
		b.free = b.free[:last]
		return buf
	}
	if b.made == maxLarge {
		return b.small.Get()
	}
	b.made++
	return make([]byte, largeBuffer)
}

// Put implements httputil.BufferPool.
func (b *largeBuffers) Put(buf []byte) {
	if len(buf) < largeBuffer {
		b.small.Put(buf)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = append(b.free, buf)
}

// fullReader reads leastRead bytes at least, up to the end or an error.
type fullReader struct {
	io.ReadCloser
	err error // of the last read
}

// Read implements io.Reader.
func (f *fullReader) Read(p []byte) (n int, err error) {
	for n < min(len(p), leastRead) && f.err == nil {
		var read int
		read, f.err = f.ReadCloser.Read(p[n:])
		n += read
	}
	return n, f.err
}
