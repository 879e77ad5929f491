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

// maxReopens is how many times in a row a source is opened again without a new byte.
const maxReopens = 3

// maxSlow is how many times a source that was too slow is opened again without checkpointEvery bytes
// in between.
const maxSlow = 1

// ErrTooSlow is the error of a source whose connection is alive and gives hardly a byte.
var ErrTooSlow = errors.New("the source is too slow")

// maxEmptyReads is how many times in a row a source may return neither a byte nor an error, as in
// package bufio.
const maxEmptyReads = 100

// skipBuffer is how many bytes are read at a time on the way from a checkpoint to the wanted
// offset.
const skipBuffer = 64 << 10

// reader is one pass over a Stream. It hashes every byte from its checkpoint on and returns those
// from start on.
type reader struct {
	ctx            context.Context
	stream         *Stream
	hash           hash.Hash
	hashed         int64 // offset of the next byte to hash
	start          int64 // offset of the first byte to return
	nextCheckpoint int64 // offset from which on the next checkpoint is due
	failures       int   // how many times in a row the source failed without a byte
	slow           int   // how many times in a row the source was too slow
	slowAt         int64 // offset at which it last was
	err            error // returned by all further calls

	// net/http may close a request body while another goroutine still reads it.
	mu           sync.Mutex
	source       io.ReadCloser
	verification *Verification // of source; nil if source was not opened at byte 0
	closed       bool
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.err
	}
	if r.err == nil && r.hashed < r.start {
		r.err = r.advance()
	}
	if r.err == nil && r.hashed == r.stream.size {
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
	if r.skipped() {
		return nil
	}
	if r.err == nil {
		_, r.err = r.openSource()
	}
	return r.err
}

// Skip implements Skipper. A source that opens in the background has done so when the empty Read
// returns.
func (r *reader) Skip() error {
	if r.skipped() {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	source, err := r.openSource()
	if err == nil {
		_, err = source.Read(nil)
	}
	r.err = cmp.Or(err, errSkipped)
	return err
}

func (r *reader) skipped() bool { return r.err == errSkipped }

// advance hashes the bytes before start.
func (r *reader) advance() error {
	buf := make([]byte, min(skipBuffer, r.start-r.hashed))
	for r.hashed < r.start {
		if _, err := r.fill(buf[:min(int64(len(buf)), r.start-r.hashed)]); err != nil {
			return err
		}
	}
	return nil
}

// fill reads at least one byte into p and hashes it. At the blob's end it verifies the blob before
// it returns.
func (r *reader) fill(p []byte) (int, error) {
	p = p[:min(int64(len(p)), r.stream.size-r.hashed)]
	n, err := r.readSource(p)
	if err != nil {
		return 0, err
	}
	r.hash.Write(p[:n])
	r.hashed += int64(n)
	if r.hashed == r.stream.size {
		// There is no checkpoint at the end: a reader that starts there must verify the blob too.
		if err := r.verify(); err != nil {
			return 0, err
		}
		return n, nil
	}
	if r.hashed >= r.nextCheckpoint {
		r.stream.addCheckpoint(r.hashed, r.hash)
		r.nextCheckpoint = r.hashed + checkpointEvery
	}
	return n, nil
}

// readSource reads at least one byte. It opens the source again if that fails.
func (r *reader) readSource(p []byte) (int, error) {
	for {
		source, err := r.openSource()
		if err != nil {
			return 0, err
		}
		n, err := readSome(source, p)
		if n > 0 {
			r.failures = 0
			return n, nil
		}
		r.closeSource()
		if err := r.checkFailure(err); err != nil {
			return 0, err
		}
	}
}

// openSource returns the source. If there is none, it opens it at the offset of the next byte to
// hash.
func (r *reader) openSource() (io.ReadCloser, error) {
	if err := context.Cause(r.ctx); err != nil {
		return nil, err
	}
	if source, err := r.current(); source != nil || err != nil {
		return source, err
	}
	ctx, verification := r.ctx, (*Verification)(nil)
	if r.hashed == 0 {
		verification = &Verification{}
		ctx = context.WithValue(ctx, verificationKey{}, verification)
	}
	source, err := r.stream.open(ctx, r.hashed)
	if err != nil {
		verification.settle(false)
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		source.Close()
		verification.settle(false)
		return nil, errClosed
	}
	r.source, r.verification = source, verification
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

// checkFailure returns nil if the source, which has failed with cause, is to be opened again.
func (r *reader) checkFailure(cause error) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	if errors.Is(cause, ErrNoProgress) || errors.Is(cause, ErrTooSlow) && r.isTooSlow() {
		return fmt.Errorf("blob %s at byte %d of %d: %w", r.stream.digest, r.hashed, r.stream.size, cause)
	}
	r.failures++
	if r.failures <= maxReopens {
		return nil
	}
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		return &MismatchError{Want: r.stream.digest, WantSize: r.stream.size, GotSize: r.hashed}
	}
	return fmt.Errorf("blob %s at byte %d of %d: %w: %w",
		r.stream.digest, r.hashed, r.stream.size, ErrNoProgress, cause)
}

// isTooSlow notes that the source was too slow, and reports whether it is to be given up.
func (r *reader) isTooSlow() bool {
	if r.hashed-r.slowAt >= checkpointEvery {
		r.slow = 0
	}
	r.slow, r.slowAt = r.slow+1, r.hashed
	return r.slow > maxSlow
}

// finish returns what a Read at the end returns. A blob without bytes has not been verified before.
func (r *reader) finish() error {
	if r.stream.size == 0 {
		if _, err := r.openSource(); err != nil {
			return err
		}
		if err := r.verify(); err != nil {
			return err
		}
	}
	return io.EOF
}

// verify checks the digest of what was read, and that the source has no further byte.
func (r *reader) verify() error {
	source, err := r.current()
	if err != nil {
		return err
	}
	if source != nil && hasMore(source) {
		return &MismatchError{Want: r.stream.digest, WantSize: r.stream.size, GotSize: r.hashed + 1}
	}
	got := FromHash(r.stream.digest.Algorithm(), r.hash)
	if got != r.stream.digest {
		return &MismatchError{Want: r.stream.digest, Got: got, WantSize: r.stream.size, GotSize: r.hashed}
	}
	r.mu.Lock()
	verification := r.verification
	r.mu.Unlock()
	verification.settle(true)
	return nil
}

// hasMore reports whether source has a byte before its end. It ignores errors: all wanted bytes
// have been read.
func hasMore(source io.Reader) bool {
	var one [1]byte
	n, _ := readSome(source, one[:])
	return n > 0
}

// readSome returns at least one byte or an error. From a source that gives neither, the error is
// io.ErrNoProgress.
func readSome(source io.Reader, p []byte) (int, error) {
	for range maxEmptyReads {
		if n, err := source.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func (r *reader) closeSource() {
	r.mu.Lock()
	source, verification := r.source, r.verification
	r.source, r.verification = nil, nil
	r.mu.Unlock()
	if source != nil {
		source.Close()
	}
	verification.settle(false)
}

// Close implements io.Closer. It may be called during a Read, which then returns an error.
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
