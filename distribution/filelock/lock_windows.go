package filelock

import (
	"os"
	"syscall"
	"unsafe"
)

// Flags of LockFileEx.
const (
	failImmediately = 1
	exclusiveLock   = 2
)

// Exclusive waits until no other open file, in this process or another, holds a lock on f's file, and
// takes it. Closing f, or the end of the process, releases it.
func Exclusive(f *os.File) error { return lockFileEx(f, exclusiveLock) }

// Shared waits until no open file holds an exclusive lock on f's file, and takes a shared one.
func Shared(f *os.File) error { return lockFileEx(f, 0) }

// Try takes the exclusive lock if no other open file has one. It reports whether it did.
func Try(f *os.File) bool { return lockFileEx(f, exclusiveLock|failImmediately) == nil }

// lockFileEx locks one byte far behind the end of the file: Windows lets no other process read or
// write locked bytes.
func lockFileEx(f *os.File, flags uintptr) error {
	at := &syscall.Overlapped{OffsetHigh: 1 << 30}
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	ok, _, err := proc.Call(f.Fd(), flags, 0, 1, 0, uintptr(unsafe.Pointer(at)))
	if ok == 0 {
		return os.NewSyscallError("LockFileEx", err)
	}
	return nil
}

// Available is whether a lock can keep another process out on this system.
const Available = true
