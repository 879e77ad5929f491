package blob

import (
	"context"
	"sync"
)

// Verification is the result of verifying a blob, for the source that its bytes come from: an audit
// takes the digest from it instead of hashing the bytes once more. A reader of a [Stream] puts a
// Verification into the context with which it opens the source for the whole blob.
type Verification struct {
	mu        sync.Mutex
	settled   bool
	verified  bool
	callbacks []func(verified bool)
}

type verificationKey struct{}

// VerificationFromContext returns the verification of the bytes that a source is opened for with
// ctx. It is nil if there is none, or if only a part of the blob is read.
func VerificationFromContext(ctx context.Context) *Verification {
	v, _ := ctx.Value(verificationKey{}).(*Verification)
	return v
}

// OnResult calls f once, as soon as the result is known; if it already is, at once. verified
// reports whether the bytes of the source were the whole blob and matched its digest. It is false
// if the source was not read to its end, or if the blob was resumed from another opening.
func (v *Verification) OnResult(f func(verified bool)) {
	if !v.addCallback(f) {
		f(v.verified)
	}
}

// addCallback reports false if the result is already known.
func (v *Verification) addCallback(f func(verified bool)) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.settled {
		return false
	}
	v.callbacks = append(v.callbacks, f)
	return true
}

// settle sets the result. Calls after the first one do nothing.
func (v *Verification) settle(verified bool) {
	if v == nil {
		return
	}
	for _, f := range v.setResult(verified) {
		f(verified)
	}
}

// setResult returns the callbacks to call.
func (v *Verification) setResult(verified bool) []func(bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.settled {
		return nil
	}
	v.settled, v.verified = true, verified
	callbacks := v.callbacks
	v.callbacks = nil
	return callbacks
}
