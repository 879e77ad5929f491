//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package layout

import (
	"errors"
	"os"
	"syscall"
)

// lock waits until no other open file holds the lock on f's file, in this process or another, and takes it. Closing f,
// or the end of the process, gives it back.
func lock(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// lockShared waits until no open file holds the lock on f's file for itself alone, and takes it together with others.
func lockShared(f *os.File) error { return flock(f, syscall.LOCK_SH) }

// tryLock takes the lock if nobody holds it, and tells whether it did.
func tryLock(f *os.File) bool { return flock(f, syscall.LOCK_EX|syscall.LOCK_NB) == nil }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("flock", err)
		}
	}
}

// haveLocks tells whether a lock can keep another process out here.
const haveLocks = true
