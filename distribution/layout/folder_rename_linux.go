package layout

import (
	"errors"
	"os"
	"path"
	"syscall"
)

// renameBetween renames a file of one open folder into another. os.Root has no such call: its Rename opens
// every part of both paths.
func (f *folder) renameBetween(out, in *keptDir, from, to string) error {
	a, errA := out.open()
	b, errB := in.open()
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if err := syscall.Renameat(int(a.Fd()), path.Base(from), int(b.Fd()), path.Base(to)); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
