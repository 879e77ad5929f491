//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package layout

import "os"

// lock does nothing where the standard library has no file locks: there only one process may write to a folder.
func lock(*os.File) error { return nil }

// lockShared does nothing either.
func lockShared(*os.File) error { return nil }

// tryLock always fails, so that nobody's temporary files are taken for abandoned and nothing is pruned.
func tryLock(*os.File) bool { return false }

// haveLocks tells whether a lock can keep another process out here.
const haveLocks = false
