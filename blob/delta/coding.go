package delta

import (
	"encoding/binary"
	"slices"
)

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
