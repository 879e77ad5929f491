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
	outs      []*io.PipeWriter
	ctx       context.Context // of the first who asked
	begun     bool
}

func newShare(parties int, source blob.Open) *share {
	return &share{source: source, undecided: parties}
}

// party is one who may need the bytes.
type party struct {
	share   *share
	decided bool
}

func (s *share) join() *party { return &party{share: s} }

// open is the party's blob.Open.
func (p *party) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if p.decided || offset != 0 {
		p.leave()
		return p.share.source(ctx, offset)
	}
	in, out := io.Pipe()
	p.decide(ctx, out)
	return in, nil
}

// leave says that the party needs nothing, or nothing more.
func (p *party) leave() {
	if !p.decided {
		p.decide(nil, nil)
	}
}

// decide counts the party, and begins when it is the last.
func (p *party) decide(ctx context.Context, out *io.PipeWriter) {
	p.decided = true
	s := p.share
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undecided--
	if out != nil {
		s.outs = append(s.outs, out)
		if s.ctx == nil {
			s.ctx = ctx
		}
	}
	if s.undecided == 0 && len(s.outs) > 0 && !s.begun {
		s.begun = true
		go s.pump()
	}
}

// pump hands the source's bytes to all who asked. One who closes its end is left out.
func (s *share) pump() {
	err := s.copy()
	if err == nil {
		err = io.EOF
	}
	for _, out := range s.outs {
		out.CloseWithError(err)
	}
}

// shareBuffer is how many bytes are handed out at a time.
const shareBuffer = 64 << 10

func (s *share) copy() error {
	in, err := s.source(s.ctx, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	buf := make([]byte, shareBuffer)
	for len(s.outs) > 0 {
		n, err := in.Read(buf)
		s.outs = hand(s.outs, buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hand writes to everyone and returns who still listens.
func hand(outs []*io.PipeWriter, b []byte) []*io.PipeWriter {
	if len(b) == 0 {
		return outs
	}
	var left []*io.PipeWriter
	for _, out := range outs {
		if _, err := out.Write(b); err == nil {
			left = append(left, out)
		}
	}
	return left
}
