//go:build !arm

package layout

import (
	"os"
	"syscall"
)

// startWriteback starts writing n bytes of a file from offset to the disk and does not wait for it
// (sync_file_range(2) with SYNC_FILE_RANGE_WRITE). It guarantees nothing; Sync does.
func startWriteback(f *os.File, offset, n int64) {
	const write = 2
	_ = syscall.SyncFileRange(int(f.Fd()), offset, n, write)
}
