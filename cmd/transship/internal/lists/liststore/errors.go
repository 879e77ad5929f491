package liststore

import (
	"errors"
	"fmt"
	"io/fs"
)

// NotFoundError means that there is no local list, or no image in a list, of that name. It wraps
// fs.ErrNotExist.
type NotFoundError struct{ Ref string }

// Error returns docker's message.
func (e *NotFoundError) Error() string { return "No such manifest: " + e.Ref }

// Unwrap returns fs.ErrNotExist.
func (e *NotFoundError) Unwrap() error { return fs.ErrNotExist }

// Hint returns how to create a list.
func (e *NotFoundError) Hint() string {
	return "a list is local until it is pushed: transship manifest create begins one"
}

// CorruptError means that a file of a local list is not valid.
type CorruptError struct {
	File string // its path
	List string // normalised reference
	Err  error
}

// Error returns, in one line, the file, the cause, and the command that removes the list.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("unusable file %s in a local manifest list: %v; remove the list with: transship manifest rm %s",
		e.File, e.Err, e.List)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// ExitCode returns the code for content that is not valid in its format.
func (e *CorruptError) ExitCode() int { return 7 }

// Hint returns "": the message has the command to run.
func (e *CorruptError) Hint() string { return "" }

func isCorrupt(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt)
}

// CollisionError means that an image cannot be added to a list because another one in it has the
// same file name.
type CollisionError struct {
	List, Have, Want string // normalised references
}

// Error returns both images and what to do.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("local manifest list %s has %s, which has the same file name as %s; give one of them another tag",
		e.List, e.Have, e.Want)
}
