//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Exclusive waits until no other open file, in this process or another, holds a lock on f's file, and
// takes it. Closing f, or the end of the process, releases it.
func Exclusive(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// Shared waits until no open file holds an exclusive lock on f's file, and takes a shared one.
func Shared(f *os.File) error { return flock(f, syscall.LOCK_SH) }

// Try takes the exclusive lock if no other open file has one. It reports whether it did.
func Try(f *os.File) bool { return flock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}

// Available is whether a lock can keep another process out on this system.
const Available = true
