package htpasswd

import (
	"crypto/md5"
	"crypto/subtle"
	"errors"
	"strings"
)

// apr1Digits are the digits of the text form, in ascending order.
const apr1Digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// apr1Hash is Apache's variant of FreeBSD's MD5 crypt, with 1,000 rounds (apr_md5.c).
type apr1Hash struct{ salt, sum string }

// parseApr1 parses the text after $apr1$: up to 8 characters of salt, $, and 22 of the hash.
func parseApr1(text string) (hash, error) {
	salt, sum, ok := strings.Cut(text, "$")
	if !ok || salt == "" || len(salt) > 8 || len(sum) != 22 || strings.Trim(sum, apr1Digits) != "" {
		return nil, errors.New("the $apr1$ hash is incomplete")
	}
	return &apr1Hash{salt, sum}, nil
}

// cost implements hash. Every bcrypt hash takes longer.
func (h *apr1Hash) cost() int { return 1 }

// matches implements hash.
func (h *apr1Hash) matches(password string) bool {
	return subtle.ConstantTimeCompare([]byte(apr1(password, h.salt)), []byte(h.sum)) == 1
}

// apr1 returns the hash in text form.
func apr1(password, salt string) string {
	inner := md5.Sum([]byte(password + salt + password))
	first := []byte(password + "$apr1$" + salt)
	for n := len(password); n > 0; n -= len(inner) {
		first = append(first, inner[:min(n, len(inner))]...)
	}
	for bits := len(password); bits > 0; bits >>= 1 {
		if bits&1 == 1 {
			first = append(first, 0)
		} else {
			first = append(first, password[0])
		}
	}
	sum := md5.Sum(first)
	for i := range 1000 {
		sum = md5.Sum(apr1RoundInput(i, sum[:], password, salt))
	}
	return apr1Text(sum)
}

// apr1RoundInput returns the input of round i.
func apr1RoundInput(i int, sum []byte, password, salt string) []byte {
	before, after := string(sum), password
	if i%2 == 1 {
		before, after = after, before
	}
	out := []byte(before)
	if i%3 != 0 {
		out = append(out, salt...)
	}
	if i%7 != 0 {
		out = append(out, password...)
	}
	return append(out, after...)
}

// apr1Text encodes a hash in groups of three bytes, six bits a digit.
func apr1Text(sum [16]byte) string {
	var out strings.Builder
	write := func(v uint, digits int) {
		for range digits {
			out.WriteByte(apr1Digits[v&0x3f])
			v >>= 6
		}
	}
	for i := range 5 {
		last := i + 12
		if i == 4 {
			last = 5
		}
		write(uint(sum[i])<<16|uint(sum[i+6])<<8|uint(sum[last]), 4)
	}
	write(uint(sum[11]), 2)
	return out.String()
}
