//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package auth

import "context"

// lockDir does nothing: the standard library has no advisory locks for these systems.
func lockDir(context.Context, string) (unlock func(), err error) {
	return func() {}, nil
}

// keepOwner does nothing: files on these systems have no owner in the sense of Unix.
func keepOwner(string, string) {}

// syncDir does nothing: directories cannot be synced on these systems.
func syncDir(string) {}
