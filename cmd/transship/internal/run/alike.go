package run

import (
	"errors"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// alikeError is a batch of which all that failed did so for the same reason.
type alikeError struct {
	*cli.PartialError
	code int
	hint string
}

// Unwrap returns the error of the batch.
func (e *alikeError) Unwrap() error { return e.PartialError }

// ExitCode returns the exit code of each item, or [cli.ExitPartial] if some succeeded.
func (e *alikeError) ExitCode() int { return e.code }

// Hint returns the hint of each item, "" if the items have different ones.
func (e *alikeError) Hint() string { return e.hint }

// Alike returns the error of a batch. If no item has succeeded, and all failed with the same exit
// code, the error has that code, and not [cli.ExitPartial]. It has the hint of those that failed, if they have the
// same one.
func (r *Run) Alike(err error) error {
	var partial *cli.PartialError
	if !errors.As(err, &partial) || len(partial.Errs) == 0 {
		return err
	}
	out := &alikeError{partial, ExitCode(partial.Errs[0]), r.Hint(partial.Errs[0])}
	for _, e := range partial.Errs {
		if ExitCode(e) != out.code {
			return err
		}
		if r.Hint(e) != out.hint {
			out.hint = ""
		}
	}
	if partial.Failed < partial.Total {
		out.code = cli.ExitPartial
	}
	return out
}
