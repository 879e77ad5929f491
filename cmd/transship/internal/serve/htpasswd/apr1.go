package htpasswd

import (
	"crypto/md5"
	"crypto/subtle"
	"errors"
	"strings"
)

// apr1Digits are those of the text form, the least first.
const apr1Digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// apr1Hash is a password's hash by the thousand rounds of MD5 that Apache has from FreeBSD's crypt (apr_md5.c).
type apr1Hash struct{ salt, sum string }

// parseApr1 reads what stands after $apr1$: at most eight characters of salt, $, and 22 of the hash.
func parseApr1(text string) (hash, error) {
	salt, sum, ok := strings.Cut(text, "$")
	if !ok || salt == "" || len(salt) > 8 || len(sum) != 22 || strings.Trim(sum, apr1Digits) != "" {
		return nil, errors.New("the $apr1$ hash is not whole")
	}
	return &apr1Hash{salt, sum}, nil
}

// cost implements hash. Any bcrypt takes longer.
func (h *apr1Hash) cost() int { return 1 }

// matches implements hash.
func (h *apr1Hash) matches(password string) bool {
	return subtle.ConstantTimeCompare([]byte(apr1(password, h.salt)), []byte(h.sum)) == 1
}

// apr1 computes the hash in its text form.
func apr1(password, salt string) string {
	inner := md5.Sum([]byte(password + salt + password))
	first := []byte(password + "$apr1$" + salt)
	for left := len(password); left > 0; left -= len(inner) {
		first = append(first, inner[:min(left, len(inner))]...)
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
		sum = md5.Sum(apr1Round(i, sum[:], password, salt))
	}
	return apr1Text(sum)
}

// apr1Round is what one of the thousand rounds hashes.
func apr1Round(i int, sum []byte, password, salt string) []byte {
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

// apr1Text writes a hash six bits at a time, three bytes from all over it together.
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
