package blob

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// Open opens a blob at an offset in bytes from its start. A source that cannot start there returns
// an error; it must never return bytes from elsewhere. The caller closes the reader.
type Open func(ctx context.Context, offset int64) (io.ReadCloser, error)

// checkpointEvery is how many bytes lie between two checkpoints. A hash state has some hundred
// bytes, so a blob of 10 GB takes 64 kB of them, and going back reads at most this many bytes
// again.
const checkpointEvery = 16 << 20

// Stream is one blob that can be read more than once and from any offset, with each byte verified.
// Its readers share checkpoints of the hash, so that a reader at a later offset does not start from
// byte 0. Its methods may be called concurrently.
type Stream struct {
	digest Digest
	size   int64
	open   Open

	mu          sync.Mutex
	checkpoints []checkpoint // in order of offset
}

// checkpoint is the state of the hash after offset bytes.
type checkpoint struct {
	offset int64
	state  hash.Hash
}

// NewStream returns a stream of the blob that has digest d and size bytes, and is opened by open.
func NewStream(d Digest, size int64, open Open) *Stream {
	return &Stream{digest: d, size: size, open: open}
}

// Size returns the blob's size in bytes.
func (s *Stream) Size() int64 { return s.size }

// Digest returns the digest that the bytes are verified against.
func (s *Stream) Digest() Digest { return s.digest }

// NewReader returns a reader of a whole blob; see [Stream.Reader].
func NewReader(ctx context.Context, d Digest, size int64, open Open) io.ReadCloser {
	return NewStream(d, size, open).Reader(ctx, 0)
}

// Reader returns a reader of the blob's bytes from offset to its end, which also is an [Opener] and
// a [Skipper]. It opens nothing before the first Read.
//
// If the source fails in the middle, the reader opens it again at that byte. It returns the last
// bytes only after the whole blob has matched its digest and size: a caller that got all bytes got
// the right ones, and one that did not gets a *[MismatchError] instead of the last bytes. For an
// offset beyond the end the first Read returns an error.
func (s *Stream) Reader(ctx context.Context, offset int64) io.ReadCloser {
	from := s.nearest(offset)
	return &reader{
		ctx: ctx, stream: s, hash: from.state, hashed: from.offset, start: offset,
		nextCheckpoint: from.offset + checkpointEvery, err: s.validate(offset),
	}
}

// validate refuses descriptors that no bytes can match.
func (s *Stream) validate(offset int64) error {
	if err := s.digest.Validate(); err != nil {
		return err
	}
	if s.size < 0 || offset < 0 || offset > s.size {
		return fmt.Errorf("blob %s has %d bytes, none at %d", s.digest, s.size, offset)
	}
	return nil
}

// nearest returns a copy of the last checkpoint at or before offset.
func (s *Stream) nearest(offset int64) checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.checkpoints) - 1; i >= 0; i-- {
		if c := s.checkpoints[i]; c.offset <= offset {
			if h, ok := clone(c.state); ok {
				return checkpoint{c.offset, h}
			}
		}
	}
	return checkpoint{0, s.digest.Algorithm().New()}
}

// addCheckpoint adds a copy of h, unless there is a checkpoint at or after offset.
func (s *Stream) addCheckpoint(offset int64, h hash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.checkpoints); n > 0 && s.checkpoints[n-1].offset >= offset {
		return
	}
	if c, ok := clone(h); ok {
		s.checkpoints = append(s.checkpoints, checkpoint{offset, c})
	}
}

func clone(h hash.Hash) (hash.Hash, bool) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, false
	}
	out, err := c.Clone()
	return out, err == nil
}

// Opener is implemented by the readers of a [Stream], for callers that check that the bytes are
// available before they ask a receiver to take them.
type Opener interface {
	// Open opens the source, unless a Read has done so. After Skip it does nothing. It returns the
	// error of opening the source, which each later Read returns too. A source that opens in the
	// background fails only at its first Read.
	Open() error
}

// Skipper is implemented by the readers of a [Stream], for callers that plan a run: they open what
// they would send, and send nothing.
type Skipper interface {
	// Skip opens the source, unless a Read has done so, and skips all bytes: none is read, none
	// verified, and a later Read returns an error. It returns the error of opening the source.
	Skip() error
}

// errNoProgress ends a read whose source was opened several times without giving a byte.
var errNoProgress = errors.New("the source fails again at the same byte")
