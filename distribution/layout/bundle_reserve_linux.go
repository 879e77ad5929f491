package layout

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// reserve gives the files their sizes and reserves disk space without writing. If the file system
// cannot reserve space, the files are sparse, and the disk may fill up later. On a tmpfs reserving
// takes as long as writing, and nothing could be fetched meanwhile: there it only checks that there
// is space now.
func (v *volumes) reserve() error {
	if err := v.setSizes(); err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err := syscall.Fstatfs(int(v.files[0].Fd()), &fs); err == nil && int64(fs.Type) == tmpfs && fs.Blocks > 0 {
		return v.checkSpace(int64(fs.Bavail) * int64(fs.Bsize))
	}
	for _, f := range v.files {
		if err := f.allocate(); err != nil {
			return err
		}
	}
	return nil
}

// tmpfs is the type of that file system (statfs(2), TMPFS_MAGIC). A tmpfs without a size has 0
// blocks.
const tmpfs = 0x01021994

// checkSpace returns an error if the files need more space than is free, in bytes. What they occupy
// already is not needed again.
func (v *volumes) checkSpace(free int64) error {
	need := v.size
	for _, f := range v.files {
		var s syscall.Stat_t
		if err := syscall.Fstat(int(f.Fd()), &s); err != nil {
			return os.NewSyscallError("fstat", err)
		}
		need -= int64(s.Blocks) * 512
	}
	if need > free {
		return fmt.Errorf("%d bytes are needed, %d are free: %w", need, free, syscall.ENOSPC)
	}
	return nil
}

// allocate reserves the space for a file.
func (f volume) allocate() error {
	if f.size == 0 {
		return nil
	}
	err := syscall.Fallocate(int(f.Fd()), 0, 0, f.size)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return os.NewSyscallError("fallocate", err)
	}
	return nil
}

// freeSpace returns how many bytes the file system of a file has room for, and whether it says so.
func freeSpace(f *os.File) (int64, bool) {
	var fs syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &fs); err != nil || fs.Blocks == 0 {
		return 0, false
	}
	return int64(fs.Bavail) * int64(fs.Bsize), true
}
