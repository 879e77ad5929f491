package layout

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

// lock waits until no other open file holds the lock on f's file, in this process or another, and takes it. Closing f,
// or the end of the process, gives it back.
func lock(f *os.File) error { return lockFileEx(f, exclusiveLock) }

// lockShared waits until no open file holds the lock on f's file for itself alone, and takes it together with others.
func lockShared(f *os.File) error { return lockFileEx(f, 0) }

// tryLock takes the lock if nobody holds it, and tells whether it did.
func tryLock(f *os.File) bool { return lockFileEx(f, exclusiveLock|failImmediately) == nil }

// lockFileEx locks one byte far behind the end: Windows lets nobody else read or write what is locked.
func lockFileEx(f *os.File, flags uintptr) error {
	at := &syscall.Overlapped{OffsetHigh: 1 << 30}
	proc := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	ok, _, err := proc.Call(f.Fd(), flags, 0, 1, 0, uintptr(unsafe.Pointer(at)))
	if ok == 0 {
		return os.NewSyscallError("LockFileEx", err)
	}
	return nil
}

// haveLocks tells whether a lock can keep another process out here.
const haveLocks = true
