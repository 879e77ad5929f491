//go:build !linux

package layout

import "os"

// reserve gives a file its size. It is sparse: the disk may turn out to be full later.
func reserve(f *os.File, size int64) error { return f.Truncate(size) }
