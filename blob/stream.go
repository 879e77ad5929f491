package blob

import (
	"cmp"
	"context"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
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

	mu           sync.Mutex
	checkpoints  []Checkpoint // in order of offset
	onCheckpoint func()
}

// Checkpoint is the state of a blob's hash after its first Offset bytes, from which the rest can be
// verified without these bytes.
type Checkpoint struct {
	Offset int64
	State  []byte // as the hash's encoding.BinaryMarshaler encodes it
}

// NewCheckpoint returns the state of h, which has hashed offset bytes. It reports false if h cannot
// encode its state.
func NewCheckpoint(offset int64, h hash.Hash) (Checkpoint, bool) {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return Checkpoint{}, false
	}
	state, err := m.MarshalBinary()
	return Checkpoint{offset, state}, err == nil
}

// hash returns a hash in the checkpoint's state.
func (c Checkpoint) hash(a Algorithm) (hash.Hash, bool) {
	h := a.New()
	m, ok := h.(encoding.BinaryUnmarshaler)
	return h, ok && m.UnmarshalBinary(c.State) == nil
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
	h, hashed := s.nearest(offset)
	return &reader{
		ctx: ctx, stream: s, hash: h, hashed: hashed, start: offset,
		nextCheckpoint: hashed + checkpointEvery, err: s.validate(offset),
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

// nearest returns a hash in the state of the last checkpoint at or before offset, and how many bytes
// it has hashed.
func (s *Stream) nearest(offset int64) (h hash.Hash, hashed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range slices.Backward(s.checkpoints) {
		if c.Offset > offset {
			continue
		}
		if h, ok := c.hash(s.digest.Algorithm()); ok {
			return h, c.Offset
		}
	}
	return s.digest.Algorithm().New(), 0
}

// addCheckpoint adds the state of h, unless there is a checkpoint at or after offset.
func (s *Stream) addCheckpoint(offset int64, h hash.Hash) {
	s.mu.Lock()
	n := len(s.checkpoints)
	c, ok := NewCheckpoint(offset, h)
	added := ok && (n == 0 || s.checkpoints[n-1].Offset < offset)
	if added {
		s.checkpoints = append(s.checkpoints, c)
	}
	notify := s.onCheckpoint
	s.mu.Unlock()
	if added && notify != nil {
		notify()
	}
}

// Restore makes checkpoints of the same blob known to the stream, such as those of an earlier
// process. Those that lie behind the blob's last byte are left out. A wrong one shows at the
// blob's end, as a *[MismatchError].
func (s *Stream) Restore(checkpoints ...Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range checkpoints {
		if c.Offset > 0 && c.Offset < s.size {
			s.checkpoints = append(s.checkpoints, c)
		}
	}
	slices.SortFunc(s.checkpoints, func(a, b Checkpoint) int { return cmp.Compare(a.Offset, b.Offset) })
}

// Forget drops all checkpoints: the next reader starts at byte 0.
func (s *Stream) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkpoints = nil
}

// Checkpoints returns the last n checkpoints, in order of offset.
func (s *Stream) Checkpoints(n int) []Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checkpoints[max(0, len(s.checkpoints)-n):])
}

// OnCheckpoint has f called after each new checkpoint, by the reader's goroutine. It must be set
// before the first Read.
func (s *Stream) OnCheckpoint(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCheckpoint = f
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

// ErrNoProgress is the error of a source that fails again at the same byte. A source whose error is one
// is not opened again: it knows that it would fail there.
var ErrNoProgress = errors.New("the source fails again at the same byte")
