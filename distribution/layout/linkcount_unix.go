//go:build unix

package layout

import (
	"io/fs"
	"syscall"
)

// hasOtherNames reports whether a file has more than one name, as hard links make them.
func hasOtherNames(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
