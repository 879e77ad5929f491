package servers

import (
	"fmt"
	"syscall"
	"testing"
)

// SmallDisk is a folder in a file system of its own that has room for so many bytes; grow makes it larger.
func SmallDisk(t testing.TB, size int) (dir string, grow func(size int)) {
	t.Helper()
	needRoot(t, "mount")
	dir = shortDir(t)
	mount := func(flags uintptr, size int) error {
		return syscall.Mount("tmpfs", dir, "tmpfs", flags, fmt.Sprintf("size=%d", size))
	}
	if err := mount(0, size); err != nil {
		missing(t, "there is no small file system to be had: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, func(size int) {
		if err := mount(syscall.MS_REMOUNT, size); err != nil {
			t.Fatal(err)
		}
	}
}
