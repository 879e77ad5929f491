package transfer

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// seat is taken by a blob when its source is opened, in the queue of those whose bytes move. What the target answers
// without any, such as that it has the blob, takes none.
type seat struct {
	queue *queue // nil needs no seat
	size  int64  // of the blob
	given context.Context
	gone  context.CancelCauseFunc // ends given, and with it the wait of who still waits for the seat

	mu    sync.Mutex
	taken bool
	left  bool
}

func newSeat(q *queue, size int64) *seat {
	s := &seat{queue: q, size: size}
	s.given, s.gone = context.WithCancelCause(context.Background())
	return s
}

// before returns an Open that takes the seat first.
func (s *seat) before(open blob.Open) blob.Open {
	if s.queue == nil {
		return open
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		if err := s.take(ctx); err != nil {
			return nil, err
		}
		return open(ctx, offset)
	}
}

func (s *seat) take(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken || s.left {
		return nil // a call that was given up may still open the source, which nobody reads from then
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.given, func() { stop(errSeatLeft) })()
	err := s.queue.enter(ctx, s.size)
	s.taken = err == nil
	return err
}

// errSeatLeft ends the wait for a seat that nobody needs any more.
var errSeatLeft = errors.New("the blob's bytes are not wanted any more")

// leave gives the seat back. Who waits for it meanwhile, for targets that have all failed, gives that up.
func (s *seat) leave() {
	s.gone(errSeatLeft)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	if s.taken {
		s.queue.leave()
	}
}
