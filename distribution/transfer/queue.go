package transfer

import (
	"context"
	"slices"
	"sync"
)

// queue lets so many through at once, and of those who wait the one with the most bytes first: what takes longest begins
// early, across all images. Of equal ones it is who came first.
type queue struct {
	mu      sync.Mutex
	free    int
	waiting []*turn // in the order in which they are let through
}

// turn is a place in the queue.
type turn struct {
	size int64
	come chan struct{} // closed when it is let through
}

func newQueue(most int) *queue { return &queue{free: most} }

// within runs f, which moves size bytes, once it is let through.
func (q *queue) within(ctx context.Context, size int64, f func() error) error {
	if err := q.enter(ctx, size); err != nil {
		return err
	}
	defer q.leave()
	return f()
}

// enter waits to be let through. Who was must leave.
func (q *queue) enter(ctx context.Context, size int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t := q.line(size)
	if t == nil {
		return nil
	}
	select {
	case <-t.come:
		return nil
	case <-ctx.Done():
		q.giveUp(t)
		return context.Cause(ctx)
	}
}

// line takes a place, nil where there is no need to wait.
func (q *queue) line(size int64) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil
	}
	t := &turn{size, make(chan struct{})}
	at := slices.IndexFunc(q.waiting, func(other *turn) bool { return other.size < size })
	if at < 0 {
		at = len(q.waiting)
	}
	q.waiting = slices.Insert(q.waiting, at, t)
	return t
}

// giveUp leaves the place, or passes on what it has been let through to meanwhile.
func (q *queue) giveUp(t *turn) {
	q.mu.Lock()
	at := slices.Index(q.waiting, t)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
	q.mu.Unlock()
	if at < 0 {
		q.leave()
	}
}

// leave lets the next one through.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.free++
		return
	}
	close(q.waiting[0].come)
	q.waiting = slices.Delete(q.waiting, 0, 1)
}
