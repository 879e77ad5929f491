//go:build !arm

package layout

import (
	"os"
	"syscall"
)

// startWriteback tells the kernel to write n bytes of a file from offset on to the disk, without waiting for that
// (sync_file_range(2) with SYNC_FILE_RANGE_WRITE). It promises nothing: Sync does.
func startWriteback(f *os.File, offset, n int64) {
	const write = 2
	_ = syscall.SyncFileRange(int(f.Fd()), offset, n, write)
}
