package htpasswd

import (
	"encoding/binary"
	"sync"
)

// blowfish is the state of the cipher: its subkeys and its four substitution boxes (Schneier,
// "Description of a New Variable-Length Key, 64-Bit Block Cipher", 1994).
type blowfish struct {
	p [18]uint32
	s [4][256]uint32
}

// initialState returns the state without a key, which is the bits of pi in order. It computes them
// once.
var initialState = sync.OnceValue(func() *blowfish {
	c := &blowfish{}
	words := piWords(len(c.p) + 4*256)
	words = words[copy(c.p[:], words):]
	for i := range c.s {
		words = words[copy(c.s[i][:], words):]
	}
	return c
})

// encrypt encrypts one block, in two halves.
func (c *blowfish) encrypt(l, r uint32) (uint32, uint32) {
	for i := 0; i < 16; i += 2 {
		l ^= c.p[i]
		r ^= c.mix(l)
		r ^= c.p[i+1]
		l ^= c.mix(r)
	}
	return r ^ c.p[17], l ^ c.p[16]
}

// mix is the function F of the cipher.
func (c *blowfish) mix(x uint32) uint32 {
	return (c.s[0][x>>24] + c.s[1][x>>16&0xff] ^ c.s[2][x>>8&0xff]) + c.s[3][x&0xff]
}

// expand mixes a key and a salt into the state (ExpandKey in Provos and Mazières, "A
// Future-Adaptable Password Scheme", 1999). With a zero salt it is the cipher's own key schedule.
func (c *blowfish) expand(salt *[4]uint32, key *[18]uint32) {
	for i := range c.p {
		c.p[i] ^= key[i]
	}
	var l, r uint32
	half := 0
	next := func() (uint32, uint32) {
		l, r = c.encrypt(l^salt[half], r^salt[half+1])
		half ^= 2
		return l, r
	}
	for i := 0; i < len(c.p); i += 2 {
		c.p[i], c.p[i+1] = next()
	}
	for i := range c.s {
		box := &c.s[i]
		for j := 0; j < len(box); j += 2 {
			box[j], box[j+1] = next()
		}
	}
}

// keyWords repeats the bytes and returns them as the words of a key schedule.
func keyWords(b []byte) *[18]uint32 {
	var bytes [4 * 18]byte
	for i := range bytes {
		bytes[i] = b[i%len(b)]
	}
	var out [18]uint32
	for i := range out {
		out[i] = binary.BigEndian.Uint32(bytes[4*i:])
	}
	return &out
}
