package blob

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// Open opens a blob at an offset in bytes from its start. A source that cannot begin there returns an error; it must
// never hand out bytes from elsewhere. The caller closes the reader.
type Open func(ctx context.Context, offset int64) (io.ReadCloser, error)

// checkpointEvery is how many bytes lie between two remembered hash states. A state is some hundred bytes, so that a
// blob of 10 GB costs 64 kB of them, and going back costs at most this many bytes read again.
const checkpointEvery = 16 << 20

// Stream is one blob that can be read more than once and from any offset, each byte verified. All its readers share
// the hash states they have passed, so that a reader at a later offset does not start over from byte 0.
// Its methods may be called concurrently.
type Stream struct {
	digest Digest
	size   int64
	open   Open

	mu     sync.Mutex
	passed []checkpoint // in order of offset
}

type checkpoint struct {
	offset int64
	state  hash.Hash
}

// NewStream describes a blob by its digest, its size in bytes, and how to open it.
func NewStream(d Digest, size int64, open Open) *Stream {
	return &Stream{digest: d, size: size, open: open}
}

// Size returns the size in bytes.
func (s *Stream) Size() int64 { return s.size }

// Digest returns the digest that the bytes are held against.
func (s *Stream) Digest() Digest { return s.digest }

// NewReader returns a reader of the whole blob; see [Stream.Reader].
func NewReader(ctx context.Context, d Digest, size int64, open Open) io.ReadCloser {
	return NewStream(d, size, open).Reader(ctx, 0)
}

// Reader returns the blob's bytes from offset to its end. Nothing is opened before the first Read. It is an [Opener] and
// a [Skipper].
//
// A source that fails in the middle is opened again where it broke off. The last bytes are handed out only after all
// of the blob has matched its digest and size: a consumer that got everything got the right thing, and one that
// did not gets a *[MismatchError] in place of them. An offset beyond the end is an error of the first Read.
func (s *Stream) Reader(ctx context.Context, offset int64) io.ReadCloser {
	from := s.before(offset)
	r := &reader{ctx: ctx, stream: s, hash: from.state, at: from.offset, start: offset, next: from.offset + checkpointEvery}
	r.err = s.check(offset)
	return r
}

// check refuses descriptors that no bytes can satisfy.
func (s *Stream) check(offset int64) error {
	if err := s.digest.Validate(); err != nil {
		return err
	}
	if s.size < 0 || offset < 0 || offset > s.size {
		return fmt.Errorf("blob %s has %d bytes, none at %d", s.digest, s.size, offset)
	}
	return nil
}

// before returns a copy of the last remembered state at or before offset.
func (s *Stream) before(offset int64) checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.passed) - 1; i >= 0; i-- {
		if c := s.passed[i]; c.offset <= offset {
			if h, ok := clone(c.state); ok {
				return checkpoint{c.offset, h}
			}
		}
	}
	return checkpoint{0, s.digest.Algorithm().New()}
}

// remember keeps a copy of the state at offset, if it is further than any before.
func (s *Stream) remember(offset int64, h hash.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.passed); n > 0 && s.passed[n-1].offset >= offset {
		return
	}
	if c, ok := clone(h); ok {
		s.passed = append(s.passed, checkpoint{offset, c})
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

// Opener is implemented by the readers of a [Stream], for who wants to know that the bytes can be had before somebody is
// asked to take them.
type Opener interface {
	// Open opens the source where no Read has done that yet; it is of no use behind a Skip. An error is that of opening the
	// source, and is what each Read from then on returns. A source may open in the background, so that it is its first Read that fails.
	Open() error
}

// Skipper is implemented by the readers of a [Stream], for who only wants to know what reading would take: a run that is
// planned opens what it would send, and sends nothing.
type Skipper interface {
	// Skip opens the source where no Read has done that yet, and gives up the bytes: none is read, so none can be verified,
	// and a later Read is an error. The error is that of opening the source.
	Skip() error
}

// errNoProgress ends a read whose source was opened again and again without a byte.
var errNoProgress = errors.New("the source breaks off again at the same place")
