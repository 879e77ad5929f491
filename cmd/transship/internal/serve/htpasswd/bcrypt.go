package htpasswd

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of the cost: below the former bcrypt is not defined, above the latter one check takes minutes of a core.
const (
	minCost = 4
	maxCost = 16
)

// bcryptHash is a password's hash by bcrypt (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999).
type bcryptHash struct {
	rounds int // the cost: two to the power of it is how often the key is expanded
	salt   [16]byte
	sum    [23]byte
}

// bcryptText is base64 with the digits that bcrypt uses.
func bcryptText() *base64.Encoding {
	return base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)
}

// parseBcrypt reads what stands after $2a$, $2b$ or $2y$, which mean the same hash: the cost in two digits, $, 22
// characters of salt and 31 of the hash.
func parseBcrypt(text string) (hash, error) {
	digits, rest, ok := strings.Cut(text, "$")
	cost, err := strconv.Atoi(digits)
	switch {
	case !ok || err != nil || len(digits) != 2 || digits[0] == '+' || len(rest) != 22+31:
		return nil, errors.New("the bcrypt hash is not whole")
	case cost < minCost || cost > maxCost:
		return nil, fmt.Errorf("the bcrypt hash has a cost of %d, and only %d to %d are accepted", cost, minCost, maxCost)
	}
	h := &bcryptHash{rounds: cost}
	salt, _ := bcryptText().Decode(h.salt[:], []byte(rest[:22]))
	sum, _ := bcryptText().Decode(h.sum[:], []byte(rest[22:]))
	if salt != len(h.salt) || sum != len(h.sum) { // it passes over line ends
		return nil, errors.New("the bcrypt hash has a character that none has")
	}
	return h, nil
}

// cost implements hash.
func (h *bcryptHash) cost() int { return 1 << h.rounds }

// matches implements hash.
func (h *bcryptHash) matches(password string) bool {
	sum := bcrypt(password, h.salt, h.rounds)
	return subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1
}

// bcrypt computes the hash. Of a password the first 72 bytes count.
func bcrypt(password string, salt [16]byte, cost int) (sum [23]byte) {
	c := *unkeyed()
	none := &[4]uint32{}
	key, saltKey := cycled(append([]byte(password), 0)), cycled(salt[:])
	c.expand((*[4]uint32)(saltKey[:4]), key)
	for range 1 << cost {
		c.expand(none, key)
		c.expand(none, saltKey)
	}
	block := []byte("OrpheanBeholderScryDoubt")
	for i := 0; i < len(block); i += 8 {
		l, r := binary.BigEndian.Uint32(block[i:]), binary.BigEndian.Uint32(block[i+4:])
		for range 64 {
			l, r = c.encrypt(l, r)
		}
		binary.BigEndian.PutUint32(block[i:], l)
		binary.BigEndian.PutUint32(block[i+4:], r)
	}
	copy(sum[:], block)
	return sum
}
