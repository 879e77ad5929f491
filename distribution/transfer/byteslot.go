package transfer

import (
	"context"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// byteSlot limits how many blobs move bytes at once. It is taken when the source is opened; a blob
// that the target already has takes none.
type byteSlot struct {
	slots *semaphore // nil if the blob needs no slot
	size  int64      // of the blob, in bytes

	mu    sync.Mutex
	taken bool
	done  bool
}

// takeOnOpen returns an Open that takes the slot before it opens the source.
func (s *byteSlot) takeOnOpen(open blob.Open) blob.Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		if err := s.take(ctx); err != nil {
			return nil, err
		}
		return open(ctx, offset)
	}
}

// take waits for the slot, unless it is taken. After release it does nothing: a canceled request
// may still open the source, but nothing reads from it any more.
func (s *byteSlot) take(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil || s.taken || s.done {
		return nil
	}
	err := s.slots.acquire(ctx, s.size)
	s.taken = err == nil
	return err
}

// release must be called once.
func (s *byteSlot) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	if s.taken {
		s.slots.release()
	}
}
