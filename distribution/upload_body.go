package distribution

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// part is the body of one upload call: some bytes of a source that goes on after it. It remembers what the source
// failed with, which net/http's error hides.
type part struct {
	source io.Reader

	mu     sync.Mutex
	left   int64
	err    error
	closed bool
}

var errPartClosed = errors.New("distribution: read of a request body after its end")

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	p.mu.Lock()
	left, closed := p.left, p.closed
	p.mu.Unlock()
	if closed {
		return 0, errPartClosed
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := p.source.Read(b[:min(int64(len(b)), left)])
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left -= int64(n)
	if err != nil && err != io.EOF {
		p.err = err
	}
	if err == io.EOF && p.left > 0 {
		p.err = io.ErrUnexpectedEOF
	}
	return n, p.err
}

// Skip passes over what is left of the part and reads nothing, where the source can do that; see [wire.Plan].
func (p *part) Skip() error {
	source, ok := p.source.(blob.Skipper)
	if !ok {
		return fmt.Errorf("distribution: %T cannot be skipped", p.source)
	}
	err := source.Skip()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.err = 0, err
	return err
}

// Close implements io.Closer. The source stays open: the next part reads on.
func (p *part) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// failed returns what the source failed with, nil when it did not.
func (p *part) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// unread tells whether bytes of the part were not asked for.
func (p *part) unread() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left > 0
}
