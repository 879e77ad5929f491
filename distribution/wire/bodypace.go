package wire

import (
	"fmt"
	"time"
)

const (
	// minWindow is the shortest time after which a body may be called too slow. A longer
	// Timeout.Stall makes it longer.
	minWindow = time.Minute
	// leastRate is the rate in bytes per second below which a blob is too slow. With all blobs that
	// a copy moves at once it is 26 kB/s, less than any link that an image is worth sending over.
	leastRate = 256
)

// bodyPace finds bodies that never stall and yet take for ever, such as a byte a second. Only the
// time that is spent on waiting for bytes counts.
type bodyPace struct {
	host   string
	window time.Duration
	blob   bool // the body is a blob, and must keep leastRate; any other must end within the window

	waited time.Duration
	moved  int64 // bytes
}

// add adds the bytes of a Read and the time that it took, and returns an error if the body is too
// slow.
func (p *bodyPace) add(n int, took time.Duration) *timeoutError {
	p.waited += took
	p.moved += int64(n)
	switch {
	case p.waited < p.window:
		return nil
	case !p.blob:
		return &timeoutError{text: fmt.Sprintf("%s: the answer is not complete after %s", p.host, p.window), slow: true}
	case float64(p.moved) < leastRate*p.waited.Seconds():
		return &timeoutError{text: fmt.Sprintf("%s: only %d bytes in %s", p.host, p.moved, p.window), slow: true}
	}
	p.waited, p.moved = 0, 0
	return nil
}
