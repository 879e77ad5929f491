package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// reopenLimit is how often in a row a source may break off without a single new byte.
const reopenLimit = 3

// emptyReads is how often in a row a source may give neither a byte nor an error, as in package bufio.
const emptyReads = 100

// discardBuffer is how many bytes are read at a time on the way from a checkpoint to the wanted offset.
const discardBuffer = 64 << 10

// reader is one pass of a Stream: it hashes every byte from its checkpoint on and hands out those from start on.
type reader struct {
	ctx    context.Context
	stream *Stream
	hash   hash.Hash
	at     int64 // bytes hashed
	start  int64 // first byte to hand out
	next   int64 // where the next checkpoint is due
	breaks int   // times in a row the source broke off without a byte
	err    error // sticky

	// net/http may close a request body while another goroutine still reads it.
	mu       sync.Mutex
	source   io.ReadCloser
	verified *Verification // of the source, where it has all of the blob
	closed   bool
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.err
	}
	if r.err == nil && r.at < r.start {
		r.err = r.skip()
	}
	if r.err == nil && r.at == r.stream.size {
		r.err = r.finish()
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.fill(p)
	r.err = err
	return n, err
}

// Open implements Opener.
func (r *reader) Open() error {
	if r.err == errSkipped {
		return nil
	}
	if r.err == nil {
		_, r.err = r.opened()
	}
	return r.err
}

// Skip implements Skipper. The empty Read is for sources that open in the background: it returns when that is done.
func (r *reader) Skip() error {
	if r.err == errSkipped {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	source, err := r.opened()
	if err == nil {
		_, err = source.Read(nil)
	}
	r.err = cmp.Or(err, errSkipped)
	return err
}

// skip reads up to the first byte that is to be handed out.
func (r *reader) skip() error {
	buf := make([]byte, min(discardBuffer, r.start-r.at))
	for r.at < r.start {
		if _, err := r.fill(buf[:min(int64(len(buf)), r.start-r.at)]); err != nil {
			return err
		}
	}
	return nil
}

// fill reads at least one byte into p, hashes it and, at the blob's end, verifies before it returns.
func (r *reader) fill(p []byte) (int, error) {
	p = p[:min(int64(len(p)), r.stream.size-r.at)]
	n, err := r.some(p)
	if err != nil {
		return 0, err
	}
	r.hash.Write(p[:n])
	r.at += int64(n)
	if r.at == r.stream.size {
		// No checkpoint here: whoever starts at the end must come by the check too.
		if err := r.verify(); err != nil {
			return 0, err
		}
		return n, nil
	}
	if r.at >= r.next {
		r.stream.remember(r.at, r.hash)
		r.next = r.at + checkpointEvery
	}
	return n, nil
}

// some returns at least one byte, opening the source as often as it takes.
func (r *reader) some(p []byte) (int, error) {
	for {
		source, err := r.opened()
		if err != nil {
			return 0, err
		}
		n, err := readSome(source, p)
		if n > 0 {
			r.breaks = 0
			return n, nil
		}
		r.closeSource()
		if err := r.broken(err); err != nil {
			return 0, err
		}
	}
}

// opened returns the source at the current offset, opening it where there is none.
func (r *reader) opened() (io.ReadCloser, error) {
	if err := context.Cause(r.ctx); err != nil {
		return nil, err
	}
	if source, err := r.current(); source != nil || err != nil {
		return source, err
	}
	ctx, verified := r.ctx, (*Verification)(nil)
	if r.at == 0 {
		verified = &Verification{}
		ctx = context.WithValue(ctx, verificationKey{}, verified)
	}
	source, err := r.stream.open(ctx, r.at)
	if err != nil {
		verified.settle(false)
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		source.Close()
		verified.settle(false)
		return nil, errClosed
	}
	r.source, r.verified = source, verified
	return source, nil
}

func (r *reader) current() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	return r.source, nil
}

// broken decides whether a source that gave cause instead of bytes is to be opened again; nil means yes.
func (r *reader) broken(cause error) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	r.breaks++
	if r.breaks <= reopenLimit {
		return nil
	}
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		return &MismatchError{Want: r.stream.digest, WantSize: r.stream.size, GotSize: r.at}
	}
	return fmt.Errorf("blob %s at byte %d of %d: %w: %w", r.stream.digest, r.at, r.stream.size, errNoProgress, cause)
}

// finish handles a Read at the end: an empty blob has not been verified yet.
func (r *reader) finish() error {
	if r.stream.size == 0 {
		if _, err := r.opened(); err != nil {
			return err
		}
		if err := r.verify(); err != nil {
			return err
		}
	}
	return io.EOF
}

// verify holds what was read against the digest, and makes sure that the source has no further byte.
func (r *reader) verify() error {
	source, err := r.current()
	if err != nil {
		return err
	}
	if source != nil && hasMore(source) {
		return &MismatchError{Want: r.stream.digest, WantSize: r.stream.size, GotSize: r.at + 1}
	}
	got := FromHash(r.stream.digest.Algorithm(), r.hash)
	if got != r.stream.digest {
		return &MismatchError{Want: r.stream.digest, Got: got, WantSize: r.stream.size, GotSize: r.at}
	}
	r.settle(true)
	return nil
}

// settle tells the source what became of its bytes.
func (r *reader) settle(right bool) {
	r.mu.Lock()
	verified := r.verified
	r.mu.Unlock()
	verified.settle(right)
}

// hasMore tells whether a byte comes before the end. An error at this point does no harm: everything is here.
func hasMore(source io.Reader) bool {
	var one [1]byte
	n, _ := readSome(source, one[:])
	return n > 0
}

// readSome returns at least one byte or an error, io.ErrNoProgress from a source that gives neither.
func readSome(source io.Reader, p []byte) (int, error) {
	for range emptyReads {
		if n, err := source.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func (r *reader) closeSource() {
	r.mu.Lock()
	source, verified := r.source, r.verified
	r.source, r.verified = nil, nil
	r.mu.Unlock()
	if source != nil {
		source.Close()
	}
	verified.settle(false)
}

// Close implements io.Closer. It may be called while a Read is under way, which then ends with an error.
func (r *reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.closeSource()
	return nil
}

var (
	errClosed  = errors.New("blob: read after close")
	errSkipped = errors.New("blob: read after bytes were skipped")
)
