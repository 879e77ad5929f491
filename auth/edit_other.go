//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package auth

import "context"

// lockDir does nothing where the standard library has no advisory locks.
func lockDir(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}

// keepOwner does nothing where files have no owner in the sense of Unix.
func keepOwner(string, string) {}

// syncDir does nothing where directories cannot be synced.
func syncDir(string) {}
