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

// Accepted costs. Bcrypt is not defined below minCost. Above maxCost one check takes minutes.
const (
	minCost = 4
	maxCost = 16
)

// bcryptHash is a password's hash by bcrypt (Provos and Mazières, "A Future-Adaptable Password
// Scheme", 1999).
type bcryptHash struct {
	logRounds int // the cost: log2 of the number of key expansions
	salt      [16]byte
	sum       [23]byte
}

// bcryptText returns base64 with bcrypt's digits.
func bcryptText() *base64.Encoding {
	const digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return base64.NewEncoding(digits).WithPadding(base64.NoPadding)
}

// parseBcrypt parses the text after $2a$, $2b$ or $2y$, which mean the same hash: the cost in two
// digits, $, 22 characters of salt, and 31 of the hash.
func parseBcrypt(text string) (hash, error) {
	digits, rest, ok := strings.Cut(text, "$")
	cost, err := strconv.Atoi(digits)
	switch {
	case !ok || err != nil || len(digits) != 2 || digits[0] == '+' || len(rest) != 22+31:
		return nil, errors.New("the bcrypt hash is incomplete")
	case cost < minCost || cost > maxCost:
		return nil, fmt.Errorf("the bcrypt hash has a cost of %d; only %d to %d are accepted", cost, minCost, maxCost)
	}
	h := &bcryptHash{logRounds: cost}
	salt, _ := bcryptText().Decode(h.salt[:], []byte(rest[:22]))
	sum, _ := bcryptText().Decode(h.sum[:], []byte(rest[22:]))
	if salt != len(h.salt) || sum != len(h.sum) { // Decode skips line ends without an error
		return nil, errors.New("the bcrypt hash has an invalid character")
	}
	return h, nil
}

// cost implements hash.
func (h *bcryptHash) cost() int { return 1 << h.logRounds }

// matches implements hash.
func (h *bcryptHash) matches(password string) bool {
	sum := bcrypt(password, h.salt, h.logRounds)
	return subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1
}

// bcrypt returns the hash of the first 72 bytes of a password.
func bcrypt(password string, salt [16]byte, cost int) (sum [23]byte) {
	c := *initialState()
	none := &[4]uint32{}
	key, saltKey := keyWords(append([]byte(password), 0)), keyWords(salt[:])
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
