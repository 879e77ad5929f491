package htpasswd

import (
	"crypto/subtle"
	"strings"
	"sync"
)

// users are the users in one version of a file.
type users struct {
	hashes   map[string]hash
	slowest  hash // for unknown users, so that they take no less time
	mu       sync.Mutex
	verified map[string][32]byte // fingerprints of the last correct passwords, by user
}

func newUsers(hashes map[string]hash) *users {
	u := &users{hashes: hashes, verified: map[string][32]byte{}}
	for _, h := range hashes {
		if u.slowest == nil || h.cost() > u.slowest.cost() {
			u.slowest = h
		}
	}
	return u
}

// isVerified reports whether the password with that fingerprint was correct before.
func (u *users) isVerified(user string, fingerprint [32]byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	known, found := u.verified[user]
	return found && subtle.ConstantTimeCompare(known[:], fingerprint[:]) == 1
}

// check hashes the password and stores its fingerprint if it is correct. A password with a zero
// byte never is: programs in C end the string there, and bcrypt repeats the password from there.
func (u *users) check(user, password string, fingerprint [32]byte) bool {
	h, found := u.hashes[user]
	found = found && !strings.Contains(password, "\x00")
	if !found {
		h = u.slowest
	}
	if matches := h.matches(password); !matches || !found {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.verified[user] = fingerprint
	return true
}
