package delta

import (
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
)

// Version is the version of the format. It goes up with every change that an older reader must know.
const Version = 2

// magic begins every delta; the last byte is the version.
const magic = "TSDELTA\x02"

// What the elements of base and target are, in a delta's header.
const (
	elementsBytes  = 0
	elementsTokens = 1
)

// Kinds of operations: the two low bits of their first number. The others are n.
const (
	opRaw   = iota // n bits follow; n is 0 at the end of the delta
	opHead         // n bits follow, which are the head of a block
	opNext         // copy n elements that follow the last copy in the base
	opCopy         // copy n elements from elsewhere: the distance from there follows
	opShift = 2
)

// maxRaw is how many bits follow an opRaw at most.
const maxRaw = 1 << 18

const (
	tokenWindowBits = 22 // of a window's size in elements, at most
	byteWindowBits  = 24
)

// header is the beginning of a delta, which is not compressed.
type header struct {
	elements   byte
	windowBits byte
	size       uint64 // of the target, in bytes
}

func (h header) encode() []byte {
	return binary.AppendUvarint(append([]byte(magic), h.elements, h.windowBits), h.size)
}

// ErrDamaged is the error of a delta that cannot be read, or that its base does not fit to.
var ErrDamaged = errors.New("the delta is damaged, or it is for another base")

// ErrVersion is the error of a delta of an unknown version.
var ErrVersion = errors.New("the delta has an unknown version; take a newer transship")

// byteReader is what package flate reads from without a buffer of its own.
type byteReader interface {
	io.Reader
	io.ByteReader
}

// readHeader reads the beginning of a delta.
func readHeader(r byteReader) (h header, err error) {
	first := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, first); err != nil {
		return h, cutShort(err)
	}
	if string(first[:len(magic)-1]) != magic[:len(magic)-1] {
		return h, formatError("it does not begin as one")
	}
	if first[len(magic)-1] != Version {
		return h, ErrVersion
	}
	h.elements, h.windowBits = first[len(magic)], first[len(magic)+1]
	if h.elements > elementsTokens || h.windowBits > []byte{byteWindowBits, tokenWindowBits}[h.elements] {
		return h, formatError("its header is invalid")
	}
	h.size, err = readNumber(r)
	return h, err
}

// readNumber reads a number in 7 bits a byte, the lowest first (LEB128).
func readNumber(r io.ByteReader) (v uint64, err error) {
	for shift := uint(0); shift < 64; shift += 7 {
		c, err := r.ReadByte()
		if err != nil {
			return 0, cutShort(err)
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
	return 0, formatError("a number is too large")
}

// readDistance reads a number that may be negative: 2n for n, and 2n-1 for -n.
func readDistance(r io.ByteReader) (int64, error) {
	v, err := readNumber(r)
	return int64(v>>1) ^ -int64(v&1), err
}

// cutShort makes the end of a delta where it should go on a formatError.
func cutShort(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errCutShort
	case errors.As(err, &corrupt):
		return formatError(corrupt.Error())
	}
	return err
}

// opWriter writes operations, compressed with DEFLATE.
type opWriter struct {
	out    *flate.Writer
	raw    bitWriter // bits that follow one another
	num    []byte
	size   int64 // of the target, in bytes
	effort effort
}

// newOpWriter returns one for a target of that size.
func newOpWriter(w io.Writer, size int64) *opWriter {
	z, _ := flate.NewWriter(w, flate.DefaultCompression) // the level is valid
	return &opWriter{out: z, size: size}
}

// number sets num to the first number of an operation.
func (w *opWriter) number(kind, n int) {
	w.num = binary.AppendUvarint(w.num[:0], uint64(n)<<opShift|uint64(kind))
}

// addRaw adds bits that the base does not have.
func (w *opWriter) addRaw(p []byte, n int) error {
	w.raw.putBits(p, n)
	return w.limitRaw()
}

// limitRaw writes the bits if they are many.
func (w *opWriter) limitRaw() error {
	if w.raw.len() < maxRaw {
		return nil
	}
	return w.flushRaw()
}

// flushRaw writes the bits.
func (w *opWriter) flushRaw() error {
	n := w.raw.len()
	p := w.raw.bytes()
	w.raw.reset()
	for n > 0 {
		some := min(n, maxRaw)
		if err := w.bits(opRaw, p, some); err != nil {
			return err
		}
		p, n = p[(some+7)/8:], n-some
	}
	return nil
}

// bits writes an operation with bits.
func (w *opWriter) bits(kind int, p []byte, n int) error {
	w.number(kind, n)
	if err := w.effort.spend(uint64(kind), p, w.size); err != nil {
		return err
	}
	if _, err := w.out.Write(w.num); err != nil {
		return err
	}
	_, err := w.out.Write(p[:(n+7)/8])
	return err
}

// head writes the head of a block.
func (w *opWriter) head(p []byte, n int) error {
	if err := w.flushRaw(); err != nil {
		return err
	}
	return w.bits(opHead, p, n)
}

// copy writes a copy of n elements that begin distance after the end of the last copy.
func (w *opWriter) copy(distance int64, n int) error {
	if err := w.flushRaw(); err != nil {
		return err
	}
	if distance == 0 {
		w.number(opNext, n)
	} else {
		w.number(opCopy, n)
		w.num = binary.AppendVarint(w.num, distance)
	}
	if err := w.effort.spend(opCopy, nil, w.size); err != nil {
		return err
	}
	_, err := w.out.Write(w.num)
	return err
}

// close writes the end.
func (w *opWriter) close() error {
	if err := w.flushRaw(); err != nil {
		return err
	}
	if err := w.bits(opRaw, nil, 0); err != nil {
		return err
	}
	return w.out.Close()
}
