package delta

import "math/bits"

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
