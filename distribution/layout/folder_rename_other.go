//go:build !linux

package layout

import "os"

// renameBetween renames a file of one open folder into another.
func (f *folder) renameBetween(_, _ *keptDir, from, to string) error {
	return f.at(".", func(root *os.Root) error { return root.Rename(from, to) })
}
