package layout

import (
	"errors"
	"os"
	"syscall"
)

// reserve gives the files their sizes, and room on the disk, without writing to them. A file system that cannot reserve
// room gets sparse files: there the disk may turn out to be full later. So it is on a tmpfs, where reserving takes as long
// as writing, and nothing could be fetched meanwhile: it is only asked whether there is room now.
func (v *volumes) reserve() error {
	for _, f := range v.files {
		if err := f.Truncate(f.size); err != nil {
			return err
		}
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

// tmpfs is the type of that file system (statfs(2), TMPFS_MAGIC). One without a limit has 0 blocks.
const tmpfs = 0x01021994

// fitInto is the error of files that need more room than is free, in bytes. What they take up already is theirs.
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
		return os.NewSyscallError("statfs", syscall.ENOSPC)
	}
	return nil
}

// allocate reserves the room for a file.
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
