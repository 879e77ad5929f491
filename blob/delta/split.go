package delta

import (
	"errors"
	"io"
)

// formatError says what is wrong with a gzip file or a delta.
type formatError string

// Error implements error.
func (e formatError) Error() string { return string(e) }

// Magic numbers of compressed files that bytes are not the tokens of.
const (
	gzipMagic = "\x1f\x8b\x08" // RFC 1952, section 2.3.1, with DEFLATE as the method
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// Flags of a gzip header (RFC 1952, section 2.3.1).
const (
	flagHeaderCRC = 1 << (iota + 1)
	flagExtra
	flagName
	flagComment
	reservedFlags = 0xe0
)

// gzipTrailer is how many bytes follow the blocks of a gzip file: its checksum and size.
const gzipTrailer = 8

// maxText is the maximum length of a name or comment in a gzip header, in bytes.
const maxText = 64 << 10

// parts gets the parts of a gzip file in their order. What it gets is only valid during the call.
type parts interface {
	// raw gets n bits that are no tokens.
	raw(p []byte, n int) error
	// head gets the n bits of a block's head, and the code of the tokens that follow.
	head(p []byte, n int, c *code) error
	// tokens gets tokens of that code.
	tokens(t []token) error
}

// splitter splits a gzip file into its parts.
type splitter struct {
	in     *bitReader
	out    parts
	bits   bitWriter // what in has recorded of the current part
	code   code
	effort effort // of the heads
	buffer []token
}

// tokenBatch is how many tokens are handed on at once.
const tokenBatch = 16 << 10

func newSplitter(in io.Reader, out parts) *splitter {
	s := &splitter{in: newBitReader(in), out: out, buffer: make([]token, tokenBatch)}
	s.in.record = &s.bits
	return s
}

// split reads everything. The error is that of the source or of out, or a formatError if the file is
// not as RFC 1951 and RFC 1952 have it, or costs too much effort.
func (s *splitter) split() error {
	for {
		if err := s.member(); err != nil {
			return err
		}
		switch again, err := s.beginsMember(); {
		case err != nil:
			return err
		case !again:
			return s.rest()
		}
	}
}

// beginsMember reports whether another member follows.
func (s *splitter) beginsMember() (bool, error) {
	const n = 8 * len(gzipMagic)
	if s.in.ensure(uint(n)) != nil {
		_, err := s.in.atEnd()
		return false, err
	}
	magic := uint64(gzipMagic[0]) | uint64(gzipMagic[1])<<8 | uint64(gzipMagic[2])<<16
	return s.in.acc&(1<<n-1) == magic, nil
}

// member splits one member.
func (s *splitter) member() error {
	if err := s.header(); err != nil {
		return err
	}
	for final := false; !final; {
		h, err := s.blockHead()
		if err != nil {
			return err
		}
		final = h.final
		if err := s.blockTokens(h); err != nil {
			return err
		}
	}
	_, err := s.in.take(s.in.n & 7)
	if err == nil {
		err = s.skip(gzipTrailer)
	}
	if err != nil {
		return err
	}
	return s.flush()
}

// flush hands on the bits that were recorded.
func (s *splitter) flush() error {
	n := s.bits.len()
	if n == 0 {
		return nil
	}
	err := s.out.raw(s.bits.bytes(), n)
	s.bits.reset()
	return err
}

// skip reads n bytes.
func (s *splitter) skip(n int) error {
	for range n {
		if _, err := s.in.take(8); err != nil {
			return err
		}
	}
	return nil
}

// header reads the header of a member (RFC 1952, section 2.3).
func (s *splitter) header() error {
	if err := s.skip(len(gzipMagic)); err != nil {
		return err
	}
	flags, err := s.in.take(8)
	if err == nil {
		err = s.skip(6) // time, extra flags, operating system
	}
	if err != nil {
		return err
	}
	if flags&reservedFlags != 0 {
		return formatError("its header has unknown flags")
	}
	if flags&flagExtra != 0 {
		n, err := s.in.take(16)
		if err != nil {
			return err
		}
		if err := s.skip(int(n)); err != nil {
			return err
		}
	}
	for _, flag := range []uint32{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if err := s.text(); err != nil {
			return err
		}
	}
	if flags&flagHeaderCRC != 0 {
		return s.skip(2)
	}
	return nil
}

// text reads a text that ends with a zero.
func (s *splitter) text() error {
	for range maxText {
		if c, err := s.in.take(8); err != nil || c == 0 {
			return err
		}
	}
	return formatError("its header has an endless text")
}

// blockHead reads the head of a block, with the padding and length of a stored one.
func (s *splitter) blockHead() (head, error) {
	if err := s.flush(); err != nil {
		return head{}, err
	}
	h, err := s.code.readHead(s.in)
	if err != nil {
		return h, err
	}
	if h.kind == storedBlock {
		if h.stored, err = s.storedLength(); err != nil {
			return h, err
		}
	}
	p := s.bits.bytes()
	if err := s.effort.spend(opHead, p, s.in.taken()); err != nil {
		return h, err
	}
	err = s.out.head(p, s.bits.len(), &s.code)
	s.bits.reset()
	return h, err
}

// storedLength reads the padding and the length of a stored block (RFC 1951, section 3.2.4).
func (s *splitter) storedLength() (int, error) {
	if _, err := s.in.take(s.in.n & 7); err != nil {
		return 0, err
	}
	v, err := s.in.take(32)
	if err != nil {
		return 0, err
	}
	if v>>16 != ^v&0xffff {
		return 0, formatError("the length of a stored block is damaged")
	}
	return int(v & 0xffff), nil
}

// blockTokens hands on the tokens of a block, and reads its end.
func (s *splitter) blockTokens(h head) error {
	if h.kind == storedBlock {
		return s.storedTokens(h.stored)
	}
	for {
		n, ended, failed := s.code.decode(s.in, s.buffer)
		if n > 0 {
			if err := s.out.tokens(s.buffer[:n]); err != nil {
				return err
			}
		}
		if failed != nil {
			return failed
		}
		if ended {
			_, err := s.code.lit.read(s.in)
			return err
		}
	}
}

// storedTokens hands on the n bytes of a stored block.
func (s *splitter) storedTokens(n int) error {
	for n > 0 {
		some := s.buffer[:min(n, len(s.buffer))]
		if err := s.in.takeBytes(some); err != nil {
			return err
		}
		if err := s.out.tokens(some); err != nil {
			return err
		}
		n -= len(some)
	}
	return nil
}

// rest hands on what follows the last member.
func (s *splitter) rest() error {
	for {
		if end, err := s.in.atEnd(); end || err != nil {
			return errors.Join(err, s.flush())
		}
		if _, err := s.in.take(8); err != nil {
			return err
		}
		if len(s.bits.out) >= maxRaw/8 {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
}

// joiner puts a blob together from its parts.
type joiner struct {
	bitWriter
	code code
}

// raw implements parts.
func (j *joiner) raw(p []byte, n int) error {
	j.putBits(p, n)
	return nil
}

// head implements parts. The code is read from the bits.
func (j *joiner) head(p []byte, n int, _ *code) error {
	in := &bitReader{next: p, err: io.EOF}
	h, err := j.code.readHead(in)
	if err != nil {
		return err
	}
	if left := int(in.n) + 8*len(in.next); h.kind != storedBlock && 8*len(p)-left != n {
		return formatError("the head of a block has another length")
	}
	j.code.prepareEncode()
	j.putBits(p, n)
	return nil
}

// tokens implements parts.
func (j *joiner) tokens(t []token) error { return j.code.encode(&j.bitWriter, t) }
