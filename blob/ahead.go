package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// OpenRange opens n bytes of a blob, from an offset in bytes from its start on. A source that cannot give a part returns
// an error; it must never hand out bytes from elsewhere. costly says that a part takes more calls than one. The caller
// closes the reader.
type OpenRange func(ctx context.Context, offset, n int64) (body io.ReadCloser, costly bool, err error)

const (
	// rangeSize is how many bytes are asked for at once.
	rangeSize = 512 << 10
	// pieceSize is how many of them are read at a time.
	pieceSize = 64 << 10
	// enoughPieces is how many of them may wait to be handed out before no more is asked for: 4 MiB.
	enoughPieces = 64
)

// ahead hands a blob's bytes out in order while its next ranges are fetched side by side. What is fetched ahead waits in
// buffers of pieceSize, which are used again: no more of them are there than bytes have had to wait at once.
type ahead struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	part   OpenRange
	ready  func(piece) error // judges each piece before it is handed out
	next   int64             // where the next range to ask for begins
	size   int64             // of the blob
	wide   int               // how many ranges are asked for at once
	most   int               // what wide may grow to while the reader has to wait
	queue  []chan piece      // what was asked for, in order; each is closed behind its last piece
	now    piece             // what is handed out
	left   []byte            // of it

	mu   sync.Mutex
	free [][]byte
	made int // buffers there are
}

// piece is a part of a range that has come, or the error that came in its place.
type piece struct {
	bytes  []byte
	costly bool
	err    error
}

func newAhead(ctx context.Context, part OpenRange, from, size int64, wide, most int) *ahead {
	ctx, cancel := context.WithCancelCause(ctx)
	return &ahead{ctx: ctx, cancel: cancel, part: part, next: from, size: size, wide: wide, most: most}
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.left) == 0 {
		if err := a.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

// advance takes the next piece, io.EOF behind the last one.
func (a *ahead) advance() error {
	a.giveBack(a.now.bytes)
	a.now = piece{}
	a.ask()
	if len(a.queue) == 0 {
		return io.EOF
	}
	p, more, err := a.take(a.queue[0])
	if !more {
		a.queue = a.queue[1:]
		return err
	}
	if err = p.err; err == nil && a.ready != nil {
		err = a.ready(p)
	}
	a.now, a.left = p, p.bytes
	return err
}

// take waits for a piece; false is the end of its range. That it has to wait shows that more at once may be of use.
func (a *ahead) take(from chan piece) (p piece, more bool, err error) {
	select {
	case p, more = <-from:
		return p, more, nil
	default:
	}
	a.wide = min(a.wide+1, a.most)
	a.ask()
	select {
	case p, more = <-from:
		return p, more, nil
	case <-a.ctx.Done():
		return piece{}, false, context.Cause(a.ctx)
	}
}

// ask sends for ranges: as many as may be under way, and none while much of what has come is not read yet.
func (a *ahead) ask() {
	for len(a.queue) < a.wide && a.next < a.size && (len(a.queue) == 0 || a.waiting() < enoughPieces) {
		offset, n := a.next, min(rangeSize, a.size-a.next)
		to := make(chan piece, rangeSize/pieceSize+1) // and an error: nobody waits to send
		a.queue, a.next = append(a.queue, to), offset+n
		go func() {
			defer close(to)
			if err := a.fetch(to, offset, n); err != nil {
				to <- piece{err: fmt.Errorf("bytes %d-%d: %w", offset, offset+n-1, err)}
			}
		}()
	}
}

// fetch reads one range.
func (a *ahead) fetch(to chan<- piece, offset, n int64) error {
	body, costly, err := a.part(a.ctx, offset, n)
	if err != nil {
		return err
	}
	defer body.Close()
	for left := n; left > 0; {
		buf := a.buffer()[:min(left, pieceSize)]
		got, err := io.ReadFull(body, buf)
		if err != nil {
			return err
		}
		left -= int64(got)
		to <- piece{bytes: buf, costly: costly}
	}
	if hasMore(body) { // which also brings a body to its end, so that its connection can be used again
		return errors.New("more than that came")
	}
	return nil
}

func (a *ahead) buffer() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.free); n > 0 {
		buf := a.free[n-1]
		a.free = a.free[:n-1]
		return buf
	}
	a.made++
	return make([]byte, pieceSize)
}

// waiting is how many pieces have come, or are coming, and are not read yet.
func (a *ahead) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.made - len(a.free)
}

func (a *ahead) giveBack(buf []byte) {
	if buf == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.free = append(a.free, buf[:pieceSize])
}

var errAheadClosed = errors.New("blob: ranges are read after close")

// Close implements io.Closer: what is still under way is given up.
func (a *ahead) Close() error {
	a.cancel(errAheadClosed)
	return nil
}

// speed measures how fast bytes come, and how much of the time is spent on waiting for them.
type speed struct {
	began  time.Time
	bytes  int64
	waited time.Duration
}

// given is what the source gives in bytes a second of the time that it is waited for: how fast it is, whoever reads.
func (s *speed) given() float64 {
	return float64(s.bytes) / max(s.waited, time.Microsecond).Seconds()
}

// rate is in bytes a second.
func (s *speed) rate(now time.Time) float64 {
	return float64(s.bytes) / max(now.Sub(s.began), time.Microsecond).Seconds()
}

// waiting is the part of the time that was spent on waiting.
func (s *speed) waiting(now time.Time) float64 {
	return float64(s.waited) / float64(max(now.Sub(s.began), time.Microsecond))
}
