//go:build !linux

package servers

import "testing"

// SmallDisk skips the test: only Linux has such a file system.
func SmallDisk(t testing.TB, size int) (dir string, grow func(size int)) {
	t.Helper()
	missing(t, "a file system of %d bytes needs Linux", size)
	return "", nil
}
