package delta

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
