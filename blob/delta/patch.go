package delta

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Reader makes a blob out of a base and a delta, as it is read. [Patch] returns one.
type Reader struct {
	delta byteReader // the operations
	out   joiner
	give  []byte // of out: what is still to be read
	left  int64  // how many bytes may still be made
	err   error

	size   int64
	effort effort
	least  int64 // bits of the elements of a base that is not read, and
	most   int64 // how many these may be

	copying int64 // how many elements of a copy are left
	base    copier
	stop    func()
	buf     []byte

	mu sync.Mutex // Close may be called during a Read
}

// copier adds copies from the base to the output.
type copier interface {
	// move sets the place of the next copy by its distance from the last one. An error is a place
	// outside of the window.
	move(distance int64) error
	// copy copies n elements, or fewer, and returns how many.
	copy(n int64) (int64, error)
}

// Patch returns a reader of the blob that delta makes out of base. It reads both from their beginning,
// base only as far as the delta needs. It takes the memory of the delta's window, less than 32 MiB, gives
// no more bytes than the delta says at its beginning, and takes no more time than these may cost. The bytes
// are not verified: the caller has to compare them with the blob's digest.
//
// Errors are [ErrDamaged] and [ErrVersion], which a Read may return too, and those of the two readers.
func Patch(base, delta io.Reader) (*Reader, error) {
	r, err := newReader(base, bufio.NewReader(delta))
	return r, damaged(err)
}

// damaged makes a formatError ErrDamaged.
func damaged(err error) error {
	if err == nil {
		return nil
	}
	var invalid formatError
	if errors.As(err, &invalid) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// maxSize is more than any blob has bytes. Products of it do not overflow.
const maxSize = 1 << 50

// newOperations returns a reader without a base.
func newOperations(delta byteReader) (*Reader, header, error) {
	h, err := readHeader(delta)
	if err == nil && h.size > maxSize {
		err = formatError("its target is too large")
	}
	return &Reader{delta: bufio.NewReader(flate.NewReader(delta)), left: int64(h.size), size: int64(h.size), stop: func() {}}, h, err
}

func newReader(base io.Reader, delta byteReader) (*Reader, error) {
	r, h, err := newOperations(delta)
	if err != nil {
		return nil, err
	}
	if h.elements == elementsBytes {
		code := func(p []byte) error { return r.out.raw(p, 8*len(p)) }
		r.base = newPlace(byteSource(base), h.windowBits, code)
		return r, nil
	}
	next, _, stop := tokenSource(base)
	r.stop = stop
	r.base = newPlace(next, h.windowBits, r.out.tokens)
	return r, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.give) == 0 && len(p) > 0 {
		if r.err == nil {
			r.err = damaged(r.step())
		}
		if r.err != nil && len(r.give) == 0 {
			return 0, r.err
		}
	}
	n := copy(p, r.give)
	r.give = r.give[n:]
	return n, nil
}

// Size returns the size in bytes of the blob that the delta says it makes.
func (r *Reader) Size() int64 { return r.size }

// Close implements io.Closer. It waits for a Read, and does not close base and delta: closing these
// first ends a Read that waits for them.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
	r.err = errClosed
	return nil
}

var errClosed = errors.New("delta: read after close")

// outputBatch is how many bytes of the output are made at least before some are given: many operations make few bytes.
const outputBatch = 32 << 10

// step makes some of the output. At the end its error is io.EOF.
func (r *Reader) step() (err error) {
	r.out.out = r.out.out[:0]
	for err == nil && len(r.out.out) < outputBatch {
		err = r.operate()
	}
	r.out.flushBytes()
	r.left -= int64(len(r.out.out))
	if r.left < 0 {
		return errMore
	}
	r.give = r.out.out
	return err
}

// operate executes an operation, or a part of a copy.
func (r *Reader) operate() error {
	if r.copying > 0 {
		n, err := r.base.copy(r.copying)
		r.copying -= n
		return err
	}
	v, err := readNumber(r.delta)
	if err != nil {
		return err
	}
	kind, n := v&(1<<opShift-1), v>>opShift
	switch {
	case kind == opRaw && n == 0:
		return r.end()
	case n == 0:
		return formatError("an operation does nothing")
	case kind == opRaw:
		return r.bits(kind, n, maxRaw, r.out.raw)
	case kind == opHead:
		return r.bits(kind, n, maxHeadBits, func(p []byte, n int) error { return r.out.head(p, n, nil) })
	}
	if err := r.effort.spend(kind, nil, r.size); err != nil {
		return err
	}
	distance := int64(0)
	if kind == opCopy {
		if distance, err = readDistance(r.delta); err != nil {
			return err
		}
	}
	r.copying = int64(n)
	return r.base.move(distance)
}

// bits reads the n bits of an operation, at most limit.
func (r *Reader) bits(kind, n, limit uint64, use func(p []byte, n int) error) error {
	if n > limit {
		return formatError("an operation has too many bits")
	}
	size := int(n+7) / 8
	if len(r.buf) < size {
		r.buf = make([]byte, maxRaw/8)
	}
	p := r.buf[:size]
	if _, err := io.ReadFull(r.delta, p); err != nil {
		return cutShort(err)
	}
	if err := r.effort.spend(kind, p, r.size); err != nil {
		return err
	}
	return use(p, int(n))
}

// end checks that the output is whole.
func (r *Reader) end() error {
	r.out.flushBytes()
	switch left := 8*(r.left-int64(len(r.out.out))) - int64(r.out.n); {
	case left < r.least:
		return errMore
	case left > r.most:
		return formatError("it makes less than it says")
	}
	if _, err := r.delta.ReadByte(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = formatError("it goes on after its end")
		}
		return cutShort(err)
	}
	return io.EOF
}

const (
	errMore       = formatError("it makes more than it says")
	errBehindBase = formatError("it copies from behind the end of its base")
)

// span is where copies come from.
type span struct {
	back  int64 // how far before reach a copy may begin
	at    int64 // where the next copy begins
	reach int64 // the greatest end of all copies
}

// move implements copier.
func (s *span) move(distance int64) error {
	s.at += distance
	if s.at < max(0, s.reach-s.back) || s.at > maxPosition {
		return formatError("it copies from outside of the window")
	}
	return nil
}

// copied notes that n elements were copied.
func (s *span) copied(n int64) {
	s.at += n
	s.reach = max(s.reach, s.at)
}

// maxPosition is more than any base has elements.
const maxPosition = 8 * maxSize

// place is a place in the base from which elements are copied.
type place[T element] struct {
	span
	base *window[T]
	code func([]T) error
}

// copyBatch is how many elements are copied at once.
const copyBatch = 8 << 10

func newPlace[T element](next func() ([]T, error), windowBits byte, code func([]T) error) *place[T] {
	back := int64(1) << windowBits
	return &place[T]{span: span{back: back}, base: newWindow(next, make([]T, back+copyBatch+elementBatch)), code: code}
}

// copy implements copier.
func (p *place[T]) copy(n int64) (int64, error) {
	n = min(n, copyBatch)
	if err := p.base.readTo(p.at + n); err != nil {
		return 0, err
	}
	some := p.base.from(p.at)
	if p.at+n > p.base.end {
		return 0, errBehindBase
	}
	n = min(n, int64(len(some)))
	p.copied(n)
	return n, p.code(some[:n])
}
