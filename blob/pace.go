package blob

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	// paceBurst is how much time's worth of bytes may come at once after a pause.
	paceBurst = 100 * time.Millisecond
	// paceStep is how much time's worth of bytes is read at a time, so that they flow evenly.
	paceStep = 20 * time.Millisecond
)

// Pace caps how fast blobs are read, all that are watched by it together: a token bucket. Its zero value does not. Rate
// must not change once it is in use, and a Pace must not be copied.
type Pace struct {
	Rate int64 // bytes a second; 0 is no bound

	mu   sync.Mutex
	paid time.Time // until when the bytes that have been read use up the rate
}

// Over returns an Open that reads as open does, but no faster.
func (p *Pace) Over(open Open) Open {
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
	pace *Pace
}

// Read implements io.Reader. The wait is for what was read before, so that a first byte shows at once.
func (r *pacedReader) Read(b []byte) (int, error) {
	if err := r.pace.wait(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.ReadCloser.Read(b[:min(int64(len(b)), r.pace.worth(paceStep))])
	r.pace.pay(n)
	return n, err
}

// worth is how many bytes the rate gives in a time, at least one.
func (p *Pace) worth(d time.Duration) int64 { return max(1, int64(float64(p.Rate)*d.Seconds())) }

// pay takes bytes into account.
func (p *Pace) pay(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if least := time.Now().Add(-paceBurst); p.paid.Before(least) {
		p.paid = least
	}
	p.paid = p.paid.Add(time.Duration(float64(n) / float64(p.Rate) * float64(time.Second)))
}

// wait lets the time pass that is paid for.
func (p *Pace) wait(ctx context.Context) error {
	p.mu.Lock()
	left := time.Until(p.paid)
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
