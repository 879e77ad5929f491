package layout

import (
	"errors"
	"os"
	"syscall"
)

// reserve gives a file its size, and room on the disk, without writing to it. A file system that cannot reserve room
// gets a sparse file: there the disk may turn out to be full later.
func reserve(f *os.File, size int64) error {
	err := f.Truncate(size)
	if err != nil || size == 0 {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return os.NewSyscallError("fallocate", err)
	}
	return nil
}
