//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package layout

import "os"

// lock does nothing: the standard library has no file locks for this system. Only one process may
// write to a folder here.
func lock(*os.File) error { return nil }

// lockShared does nothing, like lock.
func lockShared(*os.File) error { return nil }

// tryLock always fails. So no temporary file counts as abandoned, and nothing is pruned.
func tryLock(*os.File) bool { return false }

// haveLocks is whether a lock can keep another process out on this system.
const haveLocks = false
