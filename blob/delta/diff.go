package delta

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"runtime"
)

// ErrUnsupported is the error of [Differ.Diff] for a pair of blobs of which it makes no delta: if one is a gzip
// file and the other is none, if the target is compressed in another way, or is a gzip file that cannot
// be split: a damaged one, or one of countless blocks without content.
var ErrUnsupported = errors.New("no delta can be made")

// How far a delta looks in the base. All memory that grows with these is that of the window, 4 bytes a
// token, and that of the index, 16 MiB at most. What is kept is a multiple of elementBatch, and that one of
// both runs, so that no run is in two pieces in the ring.
const (
	tokenRun   = 4
	tokenKeep  = 144 * elementBatch
	tokenAhead = tokenKeep / 2
	byteRun    = 32
	byteKeep   = 4 * tokenKeep
	byteAhead  = 4 * tokenAhead
)

// Blob is a blob that is read from its beginning.
type Blob struct {
	io.Reader
	Size int64 // bytes
}

// Differ makes deltas, one after the other. It keeps its memory from one to the next, less than 64 MiB.
// Its zero value is ready.
type Differ struct {
	tokens memory[token]
	bytes  memory[byte]
}

// memory is that of a window and its index.
type memory[T element] struct {
	ring  []T
	slots []uint32
}

// release gives the memory back. Two windows would take more than one Differ may.
func (m *memory[T]) release() {
	if m.ring != nil {
		*m = memory[T]{}
		runtime.GC()
	}
}

// window returns a window of a base that is read by next.
func (m *memory[T]) window(next func() ([]T, error), base Blob, limit int64) *window[T] {
	n := base.elements(limit)
	if cap(m.ring) < n {
		m.ring = nil // before the new one is made
		m.ring = make([]T, n)
	}
	return newWindow(next, m.ring[:n])
}

// Diff writes a delta to w that makes target out of base. It reads both once, target to its end.
//
// Errors are [ErrUnsupported], those of the readers and of w, and that of a target of another size.
func (d *Differ) Diff(w io.Writer, base, target Blob) error {
	size := target.Size
	from, to := bufio.NewReaderSize(base, readBuffer), bufio.NewReaderSize(target, readBuffer)
	isGzip, err := checkFormats(from, to)
	if err != nil {
		return err
	}
	h := header{elementsBytes, base.windowBits(byteKeep, byteWindowBits), uint64(size)}
	if isGzip {
		h = header{elementsTokens, base.windowBits(tokenKeep, tokenWindowBits), uint64(size)}
	}
	if _, err := w.Write(h.encode()); err != nil {
		return err
	}
	out := newOpWriter(w, size)
	var n int64
	if isGzip {
		d.bytes.release()
		n, err = diffTokens(&d.tokens, out, Blob{from, base.Size}, Blob{to, size}, h.windowBits)
	} else {
		d.tokens.release()
		n, err = diffBytes(&d.bytes, out, Blob{from, base.Size}, Blob{to, size}, h.windowBits)
	}
	if err == nil && n != size {
		err = fmt.Errorf("the target has %d bytes, not %d", n, size)
	}
	if err != nil {
		return err
	}
	return out.close()
}

// checkFormats reports whether both blobs are gzip files.
func checkFormats(base, target *bufio.Reader) (isGzip bool, err error) {
	isGzip, err = beginsWith(target, gzipMagic)
	if err != nil {
		return false, err
	}
	baseIsGzip, err := beginsWith(base, gzipMagic)
	if err != nil {
		return false, err
	}
	if isGzip != baseIsGzip {
		return false, fmt.Errorf("%w: only one of the blobs is compressed with gzip", ErrUnsupported)
	}
	isZstd, err := beginsWith(target, zstdMagic)
	if isZstd {
		err = fmt.Errorf("%w: it is compressed with zstd", ErrUnsupported)
	}
	return isGzip, err
}

func beginsWith(r *bufio.Reader, magic string) (bool, error) {
	p, err := r.Peek(len(magic))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(p) == magic, err
}

// diffBytes writes the operations for blobs that are not compressed. It returns the size of the target.
func diffBytes(own *memory[byte], out *opWriter, base, target Blob, windowBits byte) (read int64, err error) {
	code := func(w *bitWriter, p []byte) error {
		w.putBits(p, 8*len(p))
		return nil
	}
	m := newMatcher(own.window(byteSource(base), base, byteKeep), &own.slots, byteRun, 1<<windowBits, byteAhead, out, code)
	m.from, m.to = progress{base.Size, func() int64 { return m.base.end }}, progress{target.Size, func() int64 { return read }}
	next := byteSource(target)
	for {
		p, err := next()
		if err != nil || len(p) == 0 {
			return read, err
		}
		read += int64(len(p))
		if err := m.add(p); err != nil {
			return read, err
		}
	}
}

// elements returns how many elements of a base a window keeps, of at most limit: a token hardly takes
// less than half a byte.
func (b Blob) elements(limit int64) int {
	return int(min(2*max(b.Size, 0)/elementBatch*elementBatch+elementBatch, limit))
}

// windowBits returns the logarithm of the window of a delta whose base is b, most if that is large. Half a
// small one is more than b has, so that each copy leaves all others possible.
func (b Blob) windowBits(limit int64, most byte) byte {
	return min(byte(bits.Len(uint(b.elements(limit)))+1), most)
}

// byteSource returns the bytes of a blob in pieces, none at its end.
func byteSource(r io.Reader) func() ([]byte, error) {
	buf := make([]byte, elementBatch)
	return func() ([]byte, error) {
		n, err := io.ReadFull(r, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		return buf[:n], err
	}
}

// diffTokens writes the operations for gzip files. It returns the size of the target.
func diffTokens(own *memory[token], out *opWriter, base, target Blob, windowBits byte) (int64, error) {
	next, from, stop := tokenSource(base)
	defer stop()
	d := &tokenDiff{}
	to := newSplitter(target, d)
	code := func(w *bitWriter, t []token) error { return d.code.encode(w, t) }
	d.matcher = newMatcher(own.window(next, base, tokenKeep), &own.slots, tokenRun, 1<<windowBits, tokenAhead, out, code)
	d.matcher.from, d.matcher.to = progress{base.Size, from.taken}, progress{target.Size, to.in.taken}
	err := to.split()
	var invalid formatError
	if errors.As(err, &invalid) {
		err = fmt.Errorf("%w: it is no gzip file that can be split: %w", ErrUnsupported, err)
	}
	return to.in.taken(), err
}

// tokenDiff writes the parts of the target.
type tokenDiff struct {
	matcher *matcher[token]
	code    *code
}

// raw implements parts.
func (d *tokenDiff) raw(p []byte, n int) error { return d.matcher.out.addRaw(p, n) }

// head implements parts.
func (d *tokenDiff) head(p []byte, n int, c *code) error {
	c.prepareEncode()
	d.code = c
	return d.matcher.out.head(p, n)
}

// tokens implements parts.
func (d *tokenDiff) tokens(t []token) error { return d.matcher.add(t) }

// tokenSource returns the tokens of a gzip file in pieces, none at its end. What follows an error in
// the file's format does not count. stop must be called in the end.
func tokenSource(r io.Reader) (next func() ([]token, error), in *bitReader, stop func()) {
	s := newSplitter(r, nil)
	pull, stop := iter.Pull2(func(yield func([]token, error) bool) {
		s.out = onlyTokens(func(t []token) bool { return yield(t, nil) })
		err := s.split()
		var invalid formatError
		if err != nil && err != errStopped && !errors.As(err, &invalid) {
			yield(nil, err)
		}
	})
	return func() ([]token, error) {
		t, err, _ := pull()
		return t, err
	}, s.in, stop
}

// onlyTokens is called with the tokens of a gzip file. It returns whether it wants more.
type onlyTokens func([]token) bool

// errStopped is the error of a splitter whose tokens are not wanted any more.
var errStopped = errors.New("stopped")

// raw implements parts.
func (onlyTokens) raw([]byte, int) error { return nil }

// head implements parts.
func (onlyTokens) head([]byte, int, *code) error { return nil }

// tokens implements parts.
func (f onlyTokens) tokens(t []token) error {
	if !f(t) {
		return errStopped
	}
	return nil
}
