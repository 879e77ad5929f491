package blob

import (
	"cmp"
	"io"
	"sync"
)

// defaultBuffer is the size of the buffers of a [Buffers] without one. Each read and each write of a
// connection or a file is a system call.
const defaultBuffer = 256 << 10

// Buffers are buffers of one size, with which streams are copied. They are kept for the next streams,
// and freed when memory is collected. The zero value is ready. Its methods may be called concurrently;
// it must not be copied after first use. It is an httputil.BufferPool.
type Buffers struct {
	// Size is that of each buffer in bytes, 256 KiB if zero.
	Size int

	pool sync.Pool // of *[]byte
}

// Get returns a buffer of Size bytes, whose content is undefined.
func (b *Buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, cmp.Or(b.Size, defaultBuffer))
}

// Put takes a buffer of Get back. The caller must not use it any more.
func (b *Buffers) Put(buf []byte) { b.pool.Put(&buf) }

// Copy copies all bytes, a buffer at a time, and returns how many. It uses neither ReadFrom of to nor
// WriteTo of from, which may have other sizes.
func (b *Buffers) Copy(to io.Writer, from io.Reader) (int64, error) {
	buf := b.Get()
	defer b.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, buf)
}
