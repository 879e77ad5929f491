package blob

import (
	"context"
	"sync"
)

// Verification is what became of a blob's bytes, for whoever has handed them out: an audit notes the digest of what passed
// without hashing it once more. A reader of a [Stream] puts one into the context that it opens the source with, where the
// source is asked for the whole blob.
type Verification struct {
	mu      sync.Mutex
	settled bool
	right   bool
	waiting []func(right bool)
}

type verificationKey struct{}

// VerificationOf returns the verification that bytes opened with ctx will go through, nil where there is none or only a
// part is read.
func VerificationOf(ctx context.Context) *Verification {
	v, _ := ctx.Value(verificationKey{}).(*Verification)
	return v
}

// Then calls f once, as soon as it is known whether the source's bytes, all of them and from nowhere else, were the blob:
// at once if it is. It is false too of a source that was given up.
func (v *Verification) Then(f func(right bool)) {
	if v.wait(f) {
		return
	}
	f(v.right)
}

// wait keeps f for later, and tells whether there is a later.
func (v *Verification) wait(f func(right bool)) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.settled {
		return false
	}
	v.waiting = append(v.waiting, f)
	return true
}

// settle tells everybody who waits. Only the first word counts.
func (v *Verification) settle(right bool) {
	if v == nil {
		return
	}
	v.mu.Lock()
	if v.settled {
		v.mu.Unlock()
		return
	}
	v.settled, v.right = true, right
	waiting := v.waiting
	v.waiting = nil
	v.mu.Unlock()
	for _, f := range waiting {
		f(right)
	}
}
