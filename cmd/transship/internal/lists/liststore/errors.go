package liststore

import (
	"errors"
	"fmt"
	"io/fs"
)

// NotFoundError says that there is no local list, or no image in it, of that name. errors.Is finds fs.ErrNotExist.
type NotFoundError struct{ Ref string }

// Error says it in docker's words.
func (e *NotFoundError) Error() string { return "No such manifest: " + e.Ref }

// Unwrap returns fs.ErrNotExist.
func (e *NotFoundError) Unwrap() error { return fs.ErrNotExist }

// Hint says how a list begins.
func (e *NotFoundError) Hint() string {
	return "a list is local until it is pushed: transship manifest create begins one"
}

// CorruptError says that a file of a local list cannot be used.
type CorruptError struct {
	File string // its path
	List string // normalised reference
	Err  error
}

// Error names the file, the reason and the way out, in one line.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("unusable file %s in a local manifest list: %v; drop the list with: transship manifest rm %s",
		e.File, e.Err, e.List)
}

// Unwrap returns the reason.
func (e *CorruptError) Unwrap() error { return e.Err }

// ExitCode is that of content which is not what its format says.
func (e *CorruptError) ExitCode() int { return 7 }

// Hint is empty: the error names the way out.
func (e *CorruptError) Hint() string { return "" }

func isCorrupt(err error) bool {
	var corrupt *CorruptError
	return errors.As(err, &corrupt)
}

// CollisionError says that a list cannot hold an image, since another one in it has the same file name.
type CollisionError struct {
	List, Have, Want string // normalised references
}

// Error names both images and the way out.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("local manifest list %s holds %s, which has the same file name as %s; give one of them another tag",
		e.List, e.Have, e.Want)
}
