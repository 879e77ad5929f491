//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package auth

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

const (
	// lockTimeout is how long to wait for a lock. Its holder writes a small file or waits for a
	// helper.
	lockTimeout  = 30 * time.Second
	lockInterval = 10 * time.Millisecond
)

// lockDir takes the advisory lock of a directory, which creates no file. It returns without a lock
// if the file system has none.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, errors.New("another program holds the lock"))
	defer cancel()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			return func() { file.Close() }, nil
		}
		select {
		case <-time.After(lockInterval):
		case <-ctx.Done():
			file.Close()
			return nil, context.Cause(ctx)
		}
	}
}

// keepOwner gives name the owner of original, as docker does, so that a user's file stays the
// user's under sudo. It has no effect unless the process runs as root.
func keepOwner(name, original string) {
	info, err := os.Stat(original)
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(name, int(owner.Uid), int(owner.Gid))
	}
}

// syncDir makes a rename in dir durable if the file system supports it.
func syncDir(dir string) {
	file, err := os.Open(dir)
	if err != nil {
		return
	}
	defer file.Close()
	_ = file.Sync()
}
