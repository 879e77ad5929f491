//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package audit

import "os"

// tryLock does nothing: the standard library has no file locks for this system.
func tryLock(*os.File) error { return nil }
