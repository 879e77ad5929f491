// Package filelock keeps processes apart by locks on open files. A lock ends with its process, however
// that ends.
package filelock
