package htpasswd

import (
	"crypto/subtle"
	"strings"
	"sync"
)

// users are those of one version of a file.
type users struct {
	hashes  map[string]hash
	costly  hash // the one that takes longest, for users that are not there
	mu      sync.Mutex
	correct map[string][32]byte // the fingerprints of the passwords that were right last, by user
}

func newUsers(hashes map[string]hash) *users {
	u := &users{hashes: hashes, correct: map[string][32]byte{}}
	for _, h := range hashes {
		if u.costly == nil || h.cost() > u.costly.cost() {
			u.costly = h
		}
	}
	return u
}

// passed tells whether the password with that fingerprint was right before.
func (u *users) passed(user string, mark [32]byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	known, found := u.correct[user]
	return found && subtle.ConstantTimeCompare(known[:], mark[:]) == 1
}

// check hashes the password, and remembers its fingerprint where it is right. One with a zero byte never is: programs in
// C take it for the end, and bcrypt goes on from the beginning there.
func (u *users) check(user, password string, mark [32]byte) bool {
	h, found := u.hashes[user]
	found = found && !strings.Contains(password, "\x00")
	if !found {
		h = u.costly
	}
	if matches := h.matches(password); !matches || !found {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.correct[user] = mark
	return true
}
