package transfer

import (
	"context"
	"slices"
	"sync"
)

// semaphore admits a fixed number of holders at once, over all images. Of those that wait it admits
// the one with the most bytes first, so that what takes longest starts early, and equal ones in the
// order in which they came.
type semaphore struct {
	mu      sync.Mutex
	free    int
	waiters []*waiter // in the order of admission
}

type waiter struct {
	size     int64         // in bytes
	admitted chan struct{} // closed on admission
}

func newSemaphore(holders int) *semaphore { return &semaphore{free: holders} }

// do runs f, which moves size bytes, as a holder.
func (s *semaphore) do(ctx context.Context, size int64, f func() error) error {
	if err := s.acquire(ctx, size); err != nil {
		return err
	}
	defer s.release()
	return f()
}

// acquire waits until it is admitted. Unless it returns an error, the caller must call release.
func (s *semaphore) acquire(ctx context.Context, size int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := s.enqueue(size)
	if w == nil {
		return nil
	}
	select {
	case <-w.admitted:
		return nil
	case <-ctx.Done():
		s.abandon(w)
		return context.Cause(ctx)
	}
}

// enqueue admits the caller at once and returns nil, or returns the waiter that stands for it.
func (s *semaphore) enqueue(size int64) *waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 {
		s.free--
		return nil
	}
	w := &waiter{size, make(chan struct{})}
	at := slices.IndexFunc(s.waiters, func(other *waiter) bool { return other.size < size })
	if at < 0 {
		at = len(s.waiters)
	}
	s.waiters = slices.Insert(s.waiters, at, w)
	return w
}

// abandon removes a waiter. If it has been admitted in the meantime, it releases.
func (s *semaphore) abandon(w *waiter) {
	s.mu.Lock()
	at := slices.Index(s.waiters, w)
	if at >= 0 {
		s.waiters = slices.Delete(s.waiters, at, at+1)
	}
	s.mu.Unlock()
	if at < 0 {
		s.release()
	}
}

// release admits the next waiter.
func (s *semaphore) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiters) == 0 {
		s.free++
		return
	}
	close(s.waiters[0].admitted)
	s.waiters = slices.Delete(s.waiters, 0, 1)
}
