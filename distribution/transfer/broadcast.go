package transfer

import (
	"context"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// broadcast opens a blob once for several subscribers. It starts once each of them has either
// opened the blob or left, and runs at the pace of the slowest. A subscriber that opens the blob
// again, to resume, gets the source to itself.
type broadcast struct {
	source blob.Open

	mu      sync.Mutex
	pending int           // subscribers that have neither opened the blob nor left
	opened  []*subscriber // those that have opened it
}

// subscriber may need a blob's bytes. Its methods may be called concurrently: a canceled request
// may still open the blob.
type subscriber struct {
	broadcast *broadcast

	// Guarded by broadcast.mu until decided, and constant from then on.
	decided bool            // it has opened the blob or left
	ctx     context.Context // that it has opened the blob with
	in      *io.PipeReader  // nil if it takes no part in the broadcast
	out     *io.PipeWriter
}

func newBroadcast(subscribers int, source blob.Open) *broadcast {
	return &broadcast{source: source, pending: subscribers}
}

func (b *broadcast) subscribe() *subscriber { return &subscriber{broadcast: b} }

// open is the subscriber's blob.Open.
func (s *subscriber) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if s.join(ctx, offset) {
		return s.in, nil
	}
	return s.broadcast.source(ctx, offset)
}

// join reports whether the caller is to read from s.in. It is not if the subscriber has opened the
// blob before, or does not start at its beginning.
func (s *subscriber) join(ctx context.Context, offset int64) bool {
	b := s.broadcast
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.decided {
		return false
	}
	if offset == 0 {
		s.ctx = ctx
		s.in, s.out = io.Pipe()
		b.opened = append(b.opened, s)
	}
	s.decide()
	return s.in != nil
}

// leave says that the subscriber needs no more bytes, so that the others do not wait for it.
func (s *subscriber) leave() {
	s.broadcast.mu.Lock()
	defer s.broadcast.mu.Unlock()
	if !s.decided {
		s.decide()
	}
	if s.in != nil {
		s.in.Close()
	}
}

// decide starts the broadcast if the subscriber is the last that it has waited for. The caller
// holds broadcast.mu.
func (s *subscriber) decide() {
	s.decided = true
	b := s.broadcast
	b.pending--
	if b.pending == 0 && len(b.opened) > 0 {
		go b.run(b.opened)
	}
}

// run sends the source's bytes to subscribers, and at the end io.EOF or the source's error. It
// skips subscribers that have left.
func (b *broadcast) run(subscribers []*subscriber) {
	err := b.copy(subscribers)
	for _, s := range subscribers {
		s.out.CloseWithError(err)
	}
}

// broadcastBuffer is how many bytes are sent at a time.
const broadcastBuffer = 64 << 10

func (b *broadcast) copy(subscribers []*subscriber) error {
	in, err := b.source(subscribers[0].ctx, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	// The first await may end an empty Read of a subscriber that only wants to have the source
	// opened, and then leaves.
	subscribers = await(await(subscribers))
	buf := make([]byte, broadcastBuffer)
	for len(subscribers) > 0 {
		n, err := in.Read(buf)
		if n > 0 {
			subscribers = write(subscribers, buf[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// await blocks until every subscriber reads or has left, and returns those that read. So no byte is
// taken from a source that nothing reads from. An empty write to a pipe ends one Read without a
// byte.
func await(subscribers []*subscriber) []*subscriber { return write(subscribers, nil) }

// write sends b to all subscribers and returns those that have not left.
func write(subscribers []*subscriber, b []byte) []*subscriber {
	var reading []*subscriber
	for _, s := range subscribers {
		if _, err := s.out.Write(b); err == nil {
			reading = append(reading, s)
		}
	}
	return reading
}
