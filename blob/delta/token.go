package delta

import "math/bits"

// token is a literal, 0 to 255, or a match of DEFLATE (RFC 1951, section 3.2.5): isMatch, the length
// less 3 from bit 16 on, and the distance less 1. A length of 258 has two codes: 285, and 284 with 31
// as its extra bits, which is longAlternative in the place of 255.
type token = uint32

const (
	isMatch         token = 1 << 31
	lengthAt              = 16
	distanceMask          = 1<<15 - 1
	longLength            = 255 // symbol 285
	longAlternative       = 256 // symbol 284 with 31
)

// maxTokenBits is how many bits code a token at most: two codes of 15 bits, and the extra bits of a
// length and of a distance.
const maxTokenBits = 15 + 5 + 15 + 13

// Symbols of the alphabet of literals and lengths.
const (
	endOfBlock   = 256
	firstLength  = 257
	longSymbol   = 285
	litSymbols   = 288 // 286 and 287 are never valid
	distSymbols  = 32  // 30 and 31 are never valid
	validDist    = 30
	maxCodeBits  = 15
	lengthCodes  = 257 // values of a token's length
	repeatSymbol = 16  // the first of the three symbols that repeat a length in a head
)

// lengthSymbol returns the symbol of a token's length, and how many extra bits it has.
func lengthSymbol(length uint32) (symbol, extra uint32) {
	switch {
	case length == longLength:
		return longSymbol, 0
	case length == longAlternative:
		return longSymbol - 1, 5
	case length < 8:
		return firstLength + length, 0
	}
	extra = uint32(bits.Len32(length)) - 3
	return firstLength + 4*(extra+1) + length>>extra&3, extra
}

// distanceSymbol returns the symbol of a distance less 1, and how many extra bits it has.
func distanceSymbol(distance uint32) (symbol, extra uint32) {
	if distance < 4 {
		return distance, 0
	}
	extra = uint32(bits.Len32(distance)) - 2
	return 2*(extra+1) + distance>>extra&1, extra
}
