package transfer

import (
	"context"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// seat is taken by a blob when its source is opened, in the queue of those whose bytes move. What the target answers
// without any, such as that it has the blob, takes none.
type seat struct {
	queue *queue // nil needs no seat
	size  int64  // of the blob

	mu    sync.Mutex
	taken bool
	left  bool
}

// before returns an Open that takes the seat first.
func (s *seat) before(open blob.Open) blob.Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		if err := s.take(ctx); err != nil {
			return nil, err
		}
		return open(ctx, offset)
	}
}

// take waits for the seat, once.
func (s *seat) take(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue == nil || s.taken || s.left {
		return nil // a call that was given up may still open the source, which nobody reads from then
	}
	err := s.queue.enter(ctx, s.size)
	s.taken = err == nil
	return err
}

// leave gives the seat back.
func (s *seat) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	if s.taken {
		s.queue.leave()
	}
}
