//go:build !unix

package store

// checkOwner does nothing where files have no owner that is a number.
func checkOwner(string) error { return nil }
