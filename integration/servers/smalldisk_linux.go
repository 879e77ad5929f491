package servers

import (
	"fmt"
	"syscall"
	"testing"
)

// SmallDisk is a folder on a file system in memory that has room for so many bytes. It skips the test unless it runs as
// root.
func SmallDisk(t testing.TB, size int) string {
	t.Helper()
	needRoot(t, "mounting a file system")
	dir := t.TempDir()
	if err := syscall.Mount("transship", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		missing(t, "no file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}
