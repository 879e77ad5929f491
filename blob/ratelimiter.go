package blob

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	// paceBurst is the bucket's size: how many bytes, as time at the full rate, may be read at once
	// after a pause.
	paceBurst = 100 * time.Millisecond
	// paceStep is how many bytes, as time at the full rate, are read at a time, so that they flow
	// evenly.
	paceStep = 20 * time.Millisecond
)

// RateLimiter limits the rate at which blobs are read, all that are opened through it together. It
// is a token bucket. The zero value does not limit. Rate must not change once it is in use, and a
// RateLimiter must not be copied.
type RateLimiter struct {
	Rate int64 // bytes per second; 0 does not limit

	mu        sync.Mutex
	busyUntil time.Time // when the bytes read so far have used up the rate
}

// Wrap returns an Open that reads as open does, but no faster than the rate.
func (p *RateLimiter) Wrap(open Open) Open {
	if p == nil || p.Rate <= 0 {
		return open
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		source, err := open(ctx, offset)
		if err != nil {
			return nil, err
		}
		return &pacedReader{source, ctx, p}, nil
	}
}

type pacedReader struct {
	io.ReadCloser
	ctx  context.Context
	pace *RateLimiter
}

// Read implements io.Reader. It waits for the bytes of earlier reads, so that the first byte comes
// without a delay.
func (r *pacedReader) Read(b []byte) (int, error) {
	if err := r.pace.wait(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.ReadCloser.Read(b[:min(int64(len(b)), r.pace.bytesIn(paceStep))])
	r.pace.add(n)
	return n, err
}

// bytesIn returns how many bytes the rate allows in a time, at least one.
func (p *RateLimiter) bytesIn(d time.Duration) int64 {
	return max(1, int64(float64(p.Rate)*d.Seconds()))
}

// add counts n bytes that were read.
func (p *RateLimiter) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := time.Now().Add(-paceBurst); p.busyUntil.Before(earliest) {
		p.busyUntil = earliest
	}
	p.busyUntil = p.busyUntil.Add(time.Duration(float64(n) / float64(p.Rate) * float64(time.Second)))
}

// wait waits until the bytes read so far are within the rate.
func (p *RateLimiter) wait(ctx context.Context) error {
	p.mu.Lock()
	left := time.Until(p.busyUntil)
	p.mu.Unlock()
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
