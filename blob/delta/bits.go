package delta

import (
	"encoding/binary"
	"errors"
	"io"
)

// bitReader reads bits, the least significant of a byte first, as DEFLATE has them.
type bitReader struct {
	src  io.Reader
	buf  []byte
	next []byte // of buf: bytes that are not in acc yet
	acc  uint64 // its low n bits come next; those above are 0 or already part of next
	n    uint
	err  error // of src, once next is empty
	read int64 // how many bytes of src were read

	record *bitWriter // gets what take returns, if it is not nil
}

// readBuffer is how many bytes are read from a source at once.
const readBuffer = 64 << 10

func newBitReader(src io.Reader) *bitReader {
	return &bitReader{src: src, buf: make([]byte, readBuffer)}
}

// refill puts at least 56 bits into acc, or all that are left.
func (r *bitReader) refill() {
	if len(r.next) < 8 {
		r.refillSlowly()
		return
	}
	r.acc |= binary.LittleEndian.Uint64(r.next) << r.n
	r.next = r.next[(63-r.n)>>3:]
	r.n |= 56
}

func (r *bitReader) refillSlowly() {
	r.acc &= 1<<r.n - 1
	for r.n < 56 {
		if len(r.next) == 0 && !r.load() {
			return
		}
		r.acc |= uint64(r.next[0]) << r.n
		r.next = r.next[1:]
		r.n += 8
	}
}

// load reads more bytes. It reports whether there are any.
func (r *bitReader) load() bool {
	for empty := 0; r.err == nil; empty++ {
		n, err := r.src.Read(r.buf)
		if n == 0 && err == nil && empty == maxEmptyReads {
			err = io.ErrNoProgress
		}
		r.err = err
		if n > 0 {
			r.next = r.buf[:n]
			r.read += int64(n)
			return true
		}
	}
	return false
}

// maxEmptyReads is how many times in a row a source may return neither a byte nor an error, as in
// package bufio.
const maxEmptyReads = 100

// ensure returns an error unless there are n more bits. n is at most 56.
func (r *bitReader) ensure(n uint) error {
	if r.n < n {
		r.refill()
	}
	if r.n >= n {
		return nil
	}
	return r.failure()
}

const errCutShort = formatError("it is cut short")

// failure is why there are no more bits.
func (r *bitReader) failure() error {
	if r.err == nil || errors.Is(r.err, io.EOF) {
		return errCutShort
	}
	return r.err
}

// taken returns how many bytes were taken or dropped.
func (r *bitReader) taken() int64 { return r.read - int64(len(r.next)) - int64(r.n/8) }

// take returns the next n bits, at most 32.
func (r *bitReader) take(n uint) (uint32, error) {
	if err := r.ensure(n); err != nil {
		return 0, err
	}
	v := r.acc & (1<<n - 1)
	r.drop(n)
	if r.record != nil {
		r.record.put(v, n)
	}
	return uint32(v), nil
}

// takeBytes sets tokens to the next bytes. It must be at the beginning of a byte, and does not record them.
func (r *bitReader) takeBytes(tokens []token) error {
	for ; r.n > 0 && len(tokens) > 0; tokens = tokens[1:] {
		tokens[0] = token(r.acc & 0xff)
		r.drop(8)
	}
	for len(tokens) > 0 {
		r.acc = 0
		if len(r.next) == 0 && !r.load() {
			return r.failure()
		}
		n := min(len(tokens), len(r.next))
		for i, b := range r.next[:n] {
			tokens[i] = token(b)
		}
		tokens, r.next = tokens[n:], r.next[n:]
	}
	return nil
}

// drop skips n bits, at most r.n.
func (r *bitReader) drop(n uint) {
	r.acc >>= n
	r.n -= n
}

// atEnd reports whether no bit is left. Its error is that of the source.
func (r *bitReader) atEnd() (bool, error) {
	if r.ensure(1) == nil {
		return false, nil
	}
	if errors.Is(r.err, io.EOF) {
		return true, nil
	}
	return false, r.err
}

// bitWriter collects bits, the least significant of a byte first.
type bitWriter struct {
	out []byte
	acc uint64 // the last n bits, fewer than 32, which are not in out yet
	n   uint
}

// put adds n bits, at most 32. Above them v has zeros.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << w.n
	w.n += n
	if w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.acc))
		w.acc >>= 32
		w.n -= 32
	}
}

// putBits adds the first n bits of p.
func (w *bitWriter) putBits(p []byte, n int) {
	if w.n&7 == 0 {
		w.flushBytes()
		w.out = append(w.out, p[:n/8]...)
		p, n = p[n/8:], n%8
	}
	for ; n >= 32; p, n = p[4:], n-32 {
		w.put(uint64(binary.LittleEndian.Uint32(p)), 32)
	}
	for ; n >= 8; p, n = p[1:], n-8 {
		w.put(uint64(p[0]), 8)
	}
	if n > 0 {
		w.put(uint64(p[0])&(1<<n-1), uint(n))
	}
}

// flushBytes moves whole bytes from acc to out.
func (w *bitWriter) flushBytes() {
	for ; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
}

// len returns how many bits were put since the last reset.
func (w *bitWriter) len() int { return 8*len(w.out) + int(w.n) }

// bytes returns all bits; the unused ones of the last byte are 0.
func (w *bitWriter) bytes() []byte {
	w.flushBytes()
	if w.n > 0 {
		return append(w.out, byte(w.acc))
	}
	return w.out
}

func (w *bitWriter) reset() { w.out, w.acc, w.n = w.out[:0], 0, 0 }
