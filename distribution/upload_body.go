package distribution

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// uploadBody is the body of one upload request: the next bytes of a source, which has more. It
// remembers the source's error, which net/http's error hides.
type uploadBody struct {
	source io.Reader

	mu     sync.Mutex
	left   int64
	err    error
	closed bool
}

var errBodyClosed = errors.New("distribution: read of a request body after its end")

// Read implements io.Reader.
func (b *uploadBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	left, closed := b.left, b.closed
	b.mu.Unlock()
	if closed {
		return 0, errBodyClosed
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := b.source.Read(p[:min(int64(len(p)), left)])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	if err == io.EOF && b.left > 0 {
		b.err = io.ErrUnexpectedEOF
	}
	return n, b.err
}

// Skip skips the rest of the body without reading it, if the source is a [blob.Skipper]; see
// [wire.Planner].
func (b *uploadBody) Skip() error {
	source, ok := b.source.(blob.Skipper)
	if !ok {
		return fmt.Errorf("distribution: %T cannot be skipped", b.source)
	}
	err := source.Skip()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.err = 0, err
	return err
}

// Close implements io.Closer. The source stays open for the next body.
func (b *uploadBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// sourceError returns the error of the source, nil if it had none.
func (b *uploadBody) sourceError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// hasUnread reports whether some bytes were not read.
func (b *uploadBody) hasUnread() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left > 0
}
