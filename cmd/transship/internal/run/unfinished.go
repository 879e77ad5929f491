package run

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/transfer"
)

// WithDiskFullHint adds to an error of a full disk what is left of the images. It is for commands that write images.
func WithDiskFullHint(err error) error {
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	var unfinished *UnfinishedError
	if errors.As(err, &unfinished) {
		return cli.WithHint(err, "make room there; "+unfinished.kept())
	}
	return cli.WithHint(err, "make room there; no image is left half, and blobs that are whole are not fetched again")
}

// UnfinishedError says that a bundle could not be finished. What was written is kept for the next try.
type UnfinishedError struct {
	Path string // of the bundle
	Err  error
}

// Error is the reason.
func (e *UnfinishedError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// Hint implements [hinted]. A source archive that cannot be used, or an inner hint, comes first: the
// same command would fail again.
func (e *UnfinishedError) Hint() string {
	if hint, ok := cli.HintOf(e.Err); ok {
		return hint
	}
	if errors.Is(e.Err, transfer.ErrSeveral) {
		return severalHint
	}
	if IsArchiveError(e.Err) {
		return archiveHint(e.Err)
	}
	return e.kept()
}

// kept says what is left of the bundle.
func (e *UnfinishedError) kept() string {
	return fmt.Sprintf("what has come is kept in %s.partial: the same command goes on from there; remove it if you will not", e.Path)
}
