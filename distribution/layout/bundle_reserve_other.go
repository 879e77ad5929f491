//go:build !linux

package layout

import "os"

// reserve gives the files their sizes. They are sparse: the disk may fill up later.
func (v *volumes) reserve() error { return v.setSizes() }

// freeSpace returns that it is not known how many bytes a file system has room for.
func freeSpace(*os.File) (int64, bool) { return 0, false }
