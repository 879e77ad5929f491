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
	// lockWait is how long a lock is waited for; its holder writes a small file
	// or waits for a helper.
	lockWait = 30 * time.Second

	lockPause = 10 * time.Millisecond
)

// lockDir takes the advisory lock of a directory, which leaves nothing behind,
// and returns what releases it. Where the file system has no locks there is
// none to take.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, errors.New("another program holds the lock"))
	defer cancel()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			return func() { file.Close() }, nil
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			file.Close()
			return nil, context.Cause(ctx)
		}
	}
}

// keepOwner gives name the owner that like has, as docker does, for the sake of
// those who work under sudo. Only root can, and only for root does it matter.
func keepOwner(name, like string) {
	info, err := os.Stat(like)
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(name, int(owner.Uid), int(owner.Gid))
	}
}

// syncDir makes a rename in dir survive a crash, where the file system can.
func syncDir(dir string) {
	file, err := os.Open(dir)
	if err != nil {
		return
	}
	defer file.Close()
	_ = file.Sync()
}
