package registry

import (
	"io"
	"sync"
)

// copyBuffer is how many bytes of a body are read and written at a time. Each read and each write is a
// system call.
const copyBuffer = 256 << 10

// buffers are the buffers that bodies are copied with. The zero value is empty.
type buffers struct{ pool sync.Pool }

// copy copies all bytes. It hides the ReadFrom of a response, which sends files by sendfile(2): on one
// machine, a pull of 100 MB takes 1.4 to 1.6 times as long by that.
func (b *buffers) copy(to io.Writer, from io.Reader) (int64, error) {
	buffer, ok := b.pool.Get().(*[]byte)
	if !ok {
		made := make([]byte, copyBuffer)
		buffer = &made
	}
	defer b.pool.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, *buffer)
}
