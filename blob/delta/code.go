package delta

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Types of blocks (RFC 1951, section 3.2.3).
const (
	storedBlock = iota
	fixedBlock
	dynamicBlock
)

// maxHeadBits is more than any head has: 17 bits, 19 lengths of 3, and 320 of at most 7 with 7 more.
const maxHeadBits = 8192

// code is how a block codes its tokens. The zero value codes literals as bytes and knows no matches:
// that of stored blocks, and of what is not compressed.
type code struct {
	huffman   bool
	lit, dist prefixCode

	// What follows is for encode: the bits of a literal, of a length with its extra bits, and of a
	// distance, and their number from bit countAt on. 0 is one that has no code.
	literals  [256]uint32
	lengths   [lengthCodes]uint32
	distances [distSymbols]uint32
}

const countAt = 24

// head is what precedes the tokens of a block.
type head struct {
	final  bool
	kind   uint32
	stored int // bytes of a stored block, once they are read
}

// readHead reads the head of a block and sets the code to its. Of a stored block only the first 3 bits
// are read.
func (c *code) readHead(r *bitReader) (head, error) {
	v, err := r.take(3)
	if err != nil {
		return head{}, err
	}
	h := head{final: v&1 != 0, kind: v >> 1}
	switch h.kind {
	case storedBlock:
		c.huffman = false
		return h, nil
	case fixedBlock:
		return h, c.setFixed()
	case dynamicBlock:
		return h, c.readLengths(r)
	}
	return h, formatError("a block has the type 3")
}

// setFixed sets the code of a fixed block (RFC 1951, section 3.2.6).
func (c *code) setFixed() error {
	var lengths [litSymbols + distSymbols]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		case i < litSymbols:
			lengths[i] = 8
		default:
			lengths[i] = 5
		}
	}
	return c.set(lengths[:litSymbols], lengths[litSymbols:])
}

// readLengths reads the code of a dynamic block (RFC 1951, section 3.2.7).
func (c *code) readLengths(r *bitReader) error {
	counts, err := r.take(14)
	if err != nil {
		return err
	}
	lit, dist, n := int(counts&31)+257, int(counts>>5&31)+1, int(counts>>10)+4
	var meta prefixCode
	var metaLengths [19]uint8
	order := [...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	for _, symbol := range order[:n] {
		length, err := r.take(3)
		if err != nil {
			return err
		}
		metaLengths[symbol] = uint8(length)
	}
	if err := meta.set(metaLengths[:], metaEntry); err != nil {
		return err
	}
	var lengths [litSymbols + distSymbols]uint8
	for i := 0; i < lit+dist; {
		value, times, err := readRepeat(r, &meta, lengths[:i])
		if err != nil {
			return err
		}
		if i+times > lit+dist {
			return formatError("the lengths of a code are too many")
		}
		for range times {
			lengths[i] = value
			i++
		}
	}
	return c.set(lengths[:lit], lengths[lit:lit+dist])
}

// readRepeat reads a length of a code, and how many times it is there. before are the lengths before.
func readRepeat(r *bitReader, meta *prefixCode, before []uint8) (value uint8, times int, err error) {
	symbol, err := meta.read(r)
	if err != nil || symbol < repeatSymbol {
		return uint8(symbol), 1, err
	}
	if symbol == repeatSymbol {
		if len(before) == 0 {
			return 0, 0, formatError("the first length of a code is a repetition")
		}
		value = before[len(before)-1]
	}
	repeat := [...]struct {
		bits uint
		base int
	}{{2, 3}, {3, 3}, {7, 11}}[symbol-repeatSymbol]
	more, err := r.take(repeat.bits)
	return value, repeat.base + int(more), err
}

// set sets the code by the lengths of its two alphabets.
func (c *code) set(lit, dist []uint8) error {
	c.huffman = true
	if err := c.lit.set(lit, litEntry); err != nil {
		return err
	}
	if c.lit.lengths[endOfBlock] == 0 {
		return formatError("a block has no code for its end")
	}
	return c.dist.set(dist, distEntry)
}

// prepareEncode makes the tables of encode.
func (c *code) prepareEncode() {
	if !c.huffman {
		return
	}
	for i := range c.literals {
		c.literals[i] = c.lit.packed(uint32(i))
	}
	for i := range c.lengths {
		symbol, extra := lengthSymbol(uint32(i))
		p := c.lit.packed(symbol)
		if p != 0 {
			value := min(uint32(i), longLength) & (1<<extra - 1)
			p = p + value<<(p>>countAt) + extra<<countAt
		}
		c.lengths[i] = p
	}
	for i := range c.distances {
		c.distances[i] = c.dist.packed(uint32(i))
	}
}

// encode adds tokens. One that the block has no code for is an error.
func (c *code) encode(w *bitWriter, tokens []token) error {
	if !c.huffman {
		return encodeBytes(w, tokens)
	}
	w.flushBytes()
	start := len(w.out)
	out := slices.Grow(w.out, 8*len(tokens)+8)
	out = out[:cap(out)]
	at, acc, n := start, w.acc, w.n
	for _, t := range tokens {
		var bits, count uint64
		if t < isMatch {
			p := c.literals[t&0xff]
			bits, count = uint64(p&(1<<countAt-1)), uint64(p>>countAt)
		} else {
			bits, count = c.matchBits(t)
		}
		if count == 0 {
			return errNoCode
		}
		acc |= bits << (n & 63)
		n += uint(count)
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n &^ 7 & 63
		n &= 7
	}
	w.out, w.acc, w.n = out[:at], acc, n
	return nil
}

// matchBits returns the bits of a match and their number, 0 if the block has no code for it.
func (c *code) matchBits(t token) (v, count uint64) {
	distance := t & distanceMask
	symbol, extra := distanceSymbol(distance)
	l, d := c.lengths[t>>lengthAt&0x1ff], c.distances[symbol&(distSymbols-1)]
	if l == 0 || d == 0 {
		return 0, 0
	}
	n := d >> countAt
	v = uint64(d&(1<<countAt-1) | distance&(1<<(extra&31)-1)<<(n&31))
	return v<<(l>>countAt&63) | uint64(l&(1<<countAt-1)), uint64(l>>countAt + n + extra)
}

const errNoCode = formatError("a token is copied into a block that has no code for it")

func encodeBytes(w *bitWriter, tokens []token) error {
	for _, t := range tokens {
		if t >= isMatch {
			return errNoCode
		}
		w.put(uint64(t), 8)
	}
	return nil
}

// decode reads tokens until the end of the block or until the slice is full. ended reports whether the
// end of the block comes next; its code is left unread. The code must be one of Huffman. Here and in encode, numbers of
// bits to shift by are masked, since a shift by 64 or more would cost a comparison.
func (c *code) decode(r *bitReader, tokens []token) (n int, ended bool, err error) {
	acc, have, next := r.acc, r.n, r.next
	for n < len(tokens) {
		if have < maxTokenBits {
			if len(next) < 8 {
				r.acc, r.n, r.next = acc, have, next
				r.refillSlowly()
				acc, have, next = r.acc, r.n, r.next
			} else {
				acc |= binary.LittleEndian.Uint64(next) << (have & 63)
				next = next[(63-have)>>3&7:]
				have |= 56
			}
		}
		e := c.lit.entry(acc)
		t, used := e>>entryValue, uint(e&entryBits)
		switch {
		case e&entryKind == entryLiteral:
		case e&entryKind == entryMatch:
			length, first := withExtra(e, acc)
			d := c.dist.entry(acc >> (first & 63))
			distance, second := withExtra(d, acc>>(first&63))
			t, used = matchOf(e, length, distance), first+second
			if d&entryKind != entryMatch {
				used = 0
			}
		case used <= have:
			r.acc, r.n, r.next = acc, have, next
			return n, t == endOfBlock, c.endError(t)
		}
		if used-1 >= have { // it is 0, or more than there are
			r.acc, r.n, r.next = acc, have, next
			return n, false, r.invalid(used)
		}
		acc >>= used & 63
		have -= used
		tokens[n] = t
		n++
	}
	r.acc, r.n, r.next = acc, have, next
	return n, false, nil
}

// endError is the error of a symbol that is neither a literal nor a length, if it does not end the block.
func (*code) endError(symbol token) error {
	if symbol == endOfBlock {
		return nil
	}
	return errNoSuchCode
}

// withExtra returns the value of an entry with its extra bits, and how many bits these and its code are.
func withExtra(e uint32, acc uint64) (value uint32, used uint) {
	used = uint(e & entryBits)
	extra := e >> entryExtra & 15
	return e>>entryValue + uint32(acc>>used)&(1<<extra-1), used + uint(extra)
}

// matchOf returns a match whose length has the given entry.
func matchOf(e, length, distance uint32) token {
	if length == longLength && e>>entryValue != longLength {
		length = longAlternative
	}
	return isMatch | length<<lengthAt | distance
}

// invalid is the error of bits that are no token, or too few.
func (r *bitReader) invalid(used uint) error {
	if used > r.n || r.n < maxTokenBits && r.err != nil {
		return r.failure()
	}
	return errNoSuchCode
}

const errNoSuchCode = formatError("a block has bits that are no code")

// An entry of a table is what the next bits begin with: the length of a code in its low 4 bits, 0 if
// there is none, the number of extra bits, the kind, and the value: a literal, the least length or
// distance of the code, as tokens have them, or another symbol.
const (
	entryBits    = 1<<4 - 1
	entryExtra   = 4
	entryKind    = 3 << 8
	entryLiteral = 0 << 8
	entryMatch   = 1 << 8
	entryOther   = 2 << 8
	entryValue   = 16
)

// litEntry returns the entry of a symbol for a literal or length, without the length of its code.
func litEntry(symbol uint32) uint32 {
	s := symbol - firstLength
	switch {
	case symbol < endOfBlock:
		return symbol<<entryValue | entryLiteral
	case symbol == endOfBlock || symbol > longSymbol:
		return symbol<<entryValue | entryOther
	case symbol == longSymbol:
		return longLength<<entryValue | entryMatch
	case s < 8:
		return s<<entryValue | entryMatch
	}
	extra := s>>2 - 1
	return (4+s&3)<<extra<<entryValue | extra<<entryExtra | entryMatch
}

// distEntry returns the entry of a symbol for a distance, without the length of its code.
func distEntry(symbol uint32) uint32 {
	switch {
	case symbol >= validDist:
		return symbol<<entryValue | entryOther
	case symbol < 4:
		return symbol<<entryValue | entryMatch
	}
	extra := symbol>>1 - 1
	return (2+symbol&1)<<extra<<entryValue | extra<<entryExtra | entryMatch
}

// metaEntry returns the entry of a symbol for a length of a code, without the length of its own code.
func metaEntry(symbol uint32) uint32 { return symbol<<entryValue | entryOther }

// fastBits is how many bits the table of a prefix code is indexed by.
const fastBits = 10

// prefixCode is a Huffman code (RFC 1951, section 3.2.2).
type prefixCode struct {
	lengths [litSymbols]uint8
	codes   [litSymbols]uint16    // with their bits reversed, as they are read
	fast    [1 << fastBits]uint32 // by the next bits: an entry; 0 for none and for longer codes
	entryOf func(symbol uint32) uint32
	count   [maxCodeBits + 1]uint16 // of codes by length
	sorted  [litSymbols]uint16      // symbols by code
}

// set sets the lengths of the codes, and the function of its entries. A code that is not prefix-free is an error; one that leaves bits
// unused is none.
func (p *prefixCode) set(lengths []uint8, entryOf func(symbol uint32) uint32) error {
	p.entryOf = entryOf
	p.lengths, p.count = [litSymbols]uint8{}, [maxCodeBits + 1]uint16{}
	copy(p.lengths[:], lengths)
	for _, n := range lengths {
		p.count[n]++
	}
	p.count[0] = 0
	var first, at [maxCodeBits + 1]uint16
	left := 1
	for n := 1; n <= maxCodeBits; n++ {
		left = left<<1 - int(p.count[n])
		if left < 0 {
			return formatError("a code has too many words")
		}
		first[n] = (first[n-1] + p.count[n-1]) << 1
		at[n] = at[n-1] + p.count[n-1]
	}
	p.fast = [1 << fastBits]uint32{}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		p.sorted[at[n]] = uint16(symbol)
		at[n]++
		word := bits.Reverse16(first[n]) >> (16 - n)
		first[n]++
		p.codes[symbol] = word
		e := entryOf(uint32(symbol)) | uint32(n)
		for i := int(word); n <= fastBits && i < len(p.fast); i += 1 << n {
			p.fast[i] = e
		}
	}
	return nil
}

// packed returns the code of a symbol, with its length from bit countAt on, 0 if there is none.
func (p *prefixCode) packed(symbol uint32) uint32 {
	n := uint32(p.lengths[symbol])
	if n == 0 {
		return 0
	}
	return uint32(p.codes[symbol]) | n<<countAt
}

// entry returns the entry of the code that the bits begin with, 0 if there is none.
func (p *prefixCode) entry(acc uint64) uint32 {
	if e := p.fast[acc&(1<<fastBits-1)]; e != 0 {
		return e
	}
	return p.slowEntry(acc)
}

func (p *prefixCode) slowEntry(acc uint64) uint32 {
	symbol, n := p.lookupSlowly(acc)
	if n == 0 {
		return 0
	}
	return p.entryOf(symbol) | uint32(n)
}

// lookupSlowly goes through the lengths of codes, for those that are longer than the table has.
func (p *prefixCode) lookupSlowly(acc uint64) (symbol uint32, n uint) {
	var word, first, index int
	for n := 1; n <= maxCodeBits; n++ {
		word |= int(acc & 1)
		acc >>= 1
		count := int(p.count[n])
		if word-first < count {
			return uint32(p.sorted[index+word-first]), uint(n)
		}
		index += count
		first = (first + count) << 1
		word <<= 1
	}
	return 0, 0
}

// read reads a symbol of entryOther.
func (p *prefixCode) read(r *bitReader) (uint32, error) {
	r.refill()
	e := p.entry(r.acc)
	n := uint(e & entryBits)
	if n == 0 || n > r.n {
		return 0, r.invalid(n)
	}
	_, err := r.take(n)
	return e >> entryValue, err
}
