package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// OpenRange opens n bytes of a blob, from an offset in bytes from its start. A source that cannot
// open a range returns an error; it must never return bytes from elsewhere. costly reports whether
// a range takes more than one call. The caller closes the reader.
type OpenRange func(ctx context.Context, offset, n int64) (body io.ReadCloser, costly bool, err error)

const (
	// rangeSize is how many bytes one range has.
	rangeSize = 512 << 10
	// pieceSize is how many bytes of a range are read at a time.
	pieceSize = 64 << 10
	// maxBuffered is how many unread pieces there may be before no more ranges are requested: 4
	// MiB.
	maxBuffered = 64
)

// prefetcher is an io.ReadCloser of a blob's bytes. While it returns them in order, it fetches the
// next ranges in parallel. Bytes that come early wait in buffers of pieceSize, which are used
// again: there are no more buffers than had to wait at once.
type prefetcher struct {
	ctx         context.Context
	cancel      context.CancelCauseFunc
	openRange   OpenRange
	check       func(piece) error // called with each piece before it is returned; nil checks nothing
	next        int64             // offset of the next range to request
	size        int64             // of the blob
	parallel    int               // how many ranges are requested at once
	maxParallel int               // what parallel may grow to while Read has to wait
	ranges      []chan piece      // requested ranges, in order; each is closed after its last piece
	current     piece
	unread      []byte // of current

	mu        sync.Mutex
	free      [][]byte
	allocated int // buffers, in use and free
}

// piece is a part of a range, or the error that ends it.
type piece struct {
	bytes  []byte
	costly bool
	err    error
}

func newPrefetcher(
	ctx context.Context, openRange OpenRange, offset, size int64, parallel, maxParallel int,
) *prefetcher {
	ctx, cancel := context.WithCancelCause(ctx)
	return &prefetcher{
		ctx: ctx, cancel: cancel, openRange: openRange,
		next: offset, size: size, parallel: parallel, maxParallel: maxParallel,
	}
}

// Read implements io.Reader.
func (p *prefetcher) Read(b []byte) (int, error) {
	for len(p.unread) == 0 {
		if err := p.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.unread)
	p.unread = p.unread[n:]
	return n, nil
}

// advance makes the next piece the current one, or leaves none if the range has ended. After the
// last range it returns io.EOF.
func (p *prefetcher) advance() error {
	p.release(p.current.bytes)
	p.current = piece{}
	p.request()
	if len(p.ranges) == 0 {
		return io.EOF
	}
	next, more, err := p.receive(p.ranges[0])
	if !more {
		p.ranges = p.ranges[1:]
		return err
	}
	if err = next.err; err == nil && p.check != nil {
		err = p.check(next)
	}
	p.current, p.unread = next, next.bytes
	return err
}

// receive waits for a piece of a range. more is false at the range's end. If it has to wait, it
// requests more ranges at once from then on.
func (p *prefetcher) receive(from chan piece) (next piece, more bool, err error) {
	select {
	case next, more = <-from:
		return next, more, nil
	default:
	}
	p.parallel = min(p.parallel+1, p.maxParallel)
	p.request()
	select {
	case next, more = <-from:
		return next, more, nil
	case <-p.ctx.Done():
		return piece{}, false, context.Cause(p.ctx)
	}
}

// request requests ranges until parallel are in flight or too many bytes are unread.
func (p *prefetcher) request() {
	for len(p.ranges) < p.parallel && p.next < p.size && (len(p.ranges) == 0 || p.buffered() < maxBuffered) {
		offset, n := p.next, min(rangeSize, p.size-p.next)
		pieces := make(chan piece, rangeSize/pieceSize+1) // room for all pieces and an error: sending never blocks
		p.ranges, p.next = append(p.ranges, pieces), offset+n
		go func() {
			defer close(pieces)
			if err := p.fetch(pieces, offset, n); err != nil {
				pieces <- piece{err: fmt.Errorf("bytes %d-%d: %w", offset, offset+n-1, err)}
			}
		}()
	}
}

// fetch reads one range.
func (p *prefetcher) fetch(pieces chan<- piece, offset, n int64) error {
	body, costly, err := p.openRange(p.ctx, offset, n)
	if err != nil {
		return err
	}
	defer body.Close()
	for left := n; left > 0; {
		buf := p.buffer()[:min(left, pieceSize)]
		got, err := io.ReadFull(body, buf)
		if err != nil {
			return err
		}
		left -= int64(got)
		pieces <- piece{bytes: buf, costly: costly}
	}
	if hasMore(body) { // this also reads the body to its end, so that its connection can be reused
		return errors.New("the source sent more bytes than were requested")
	}
	return nil
}

func (p *prefetcher) buffer() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		buf := p.free[n-1]
		p.free = p.free[:n-1]
		return buf
	}
	p.allocated++
	return make([]byte, pieceSize)
}

// buffered returns how many pieces have arrived, or are arriving, and are unread.
func (p *prefetcher) buffered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.allocated - len(p.free)
}

func (p *prefetcher) release(buf []byte) {
	if buf == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, buf[:pieceSize])
}

var errPrefetcherClosed = errors.New("blob: ranges are read after close")

// Close implements io.Closer. It cancels the ranges in flight.
func (p *prefetcher) Close() error {
	p.cancel(errPrefetcherClosed)
	return nil
}
