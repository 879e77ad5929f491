//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package filelock

import "os"

// Exclusive does nothing: the standard library has no file locks for this system. Only one process may
// write to a folder here.
func Exclusive(*os.File) error { return nil }

// Shared does nothing, like Exclusive.
func Shared(*os.File) error { return nil }

// Try always fails. So no temporary file counts as abandoned, and nothing is pruned.
func Try(*os.File) bool { return false }

// Available is whether a lock can keep another process out on this system.
const Available = false
