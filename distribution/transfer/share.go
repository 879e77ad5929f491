package transfer

import (
	"context"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
)

// share opens a blob once for several who may need it. It begins when each of them has either asked for the bytes or
// left, and then goes at the pace of the slowest. Whoever asks again, to resume, gets the source to itself.
type share struct {
	source blob.Open

	mu        sync.Mutex
	undecided int // who has neither asked nor left
	listeners []*listener
}

// listener is a party that has asked, with the context it has asked in.
type listener struct {
	ctx context.Context
	out *io.PipeWriter
}

func newShare(parties int, source blob.Open) *share {
	return &share{source: source, undecided: parties}
}

// party is one who may need the bytes. Its methods may be called concurrently: a request that was given up may still ask.
type party struct {
	share   *share
	decided bool           // under share.mu
	in      *io.PipeReader // what it listens to, if it does; under share.mu
}

func (s *share) join() *party { return &party{share: s} }

// open is the party's blob.Open.
func (p *party) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if in := p.listen(ctx, offset); in != nil {
		return in, nil
	}
	return p.share.source(ctx, offset)
}

// listen makes the party a listener, nil where it comes too late for that.
func (p *party) listen(ctx context.Context, offset int64) *io.PipeReader {
	p.share.mu.Lock()
	defer p.share.mu.Unlock()
	if p.decided {
		return nil
	}
	if offset != 0 {
		p.decide(nil)
		return nil
	}
	in, out := io.Pipe()
	p.in = in
	p.decide(&listener{ctx, out})
	return in
}

// leave says that the party needs nothing, or nothing more: the others must not wait for it.
func (p *party) leave() {
	p.share.mu.Lock()
	defer p.share.mu.Unlock()
	if !p.decided {
		p.decide(nil)
	}
	if p.in != nil {
		p.in.Close()
	}
}

// decide counts the party, and begins when it is the last. The caller holds share.mu.
func (p *party) decide(l *listener) {
	p.decided = true
	s := p.share
	s.undecided--
	if l != nil {
		s.listeners = append(s.listeners, l)
	}
	if s.undecided == 0 && len(s.listeners) > 0 {
		go s.pump(s.listeners)
	}
}

// pump hands the source's bytes to all who asked. One who closes its end is left out.
func (s *share) pump(listeners []*listener) {
	err := s.copy(listeners)
	if err == nil {
		err = io.EOF
	}
	for _, l := range listeners {
		l.out.CloseWithError(err)
	}
}

// shareBuffer is how many bytes are handed out at a time.
const shareBuffer = 64 << 10

func (s *share) copy(listeners []*listener) error {
	in, err := s.source(listeners[0].ctx, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	listeners = await(await(listeners)) // the first may end the empty Read of who only wanted to have the source opened
	buf := make([]byte, shareBuffer)
	for len(listeners) > 0 {
		n, err := in.Read(buf)
		listeners = hand(listeners, buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// await returns who still listens once each of them reads or has gone, so that of a source that nobody reads no byte is
// taken. It writes nothing, which in a pipe ends one Read without a byte.
func await(listeners []*listener) []*listener { return write(listeners, nil) }

// hand writes to everyone and returns who still listens.
func hand(listeners []*listener, b []byte) []*listener {
	if len(b) == 0 {
		return listeners
	}
	return write(listeners, b)
}

func write(listeners []*listener, b []byte) []*listener {
	var left []*listener
	for _, l := range listeners {
		if _, err := l.out.Write(b); err == nil {
			left = append(left, l)
		}
	}
	return left
}
