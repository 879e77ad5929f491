package main

import (
	"context"
	"fmt"
)

// partlyError says that some of several things failed. Why is printed already.
type partlyError struct{ failed, of int }

// Error tells how many.
func (e *partlyError) Error() string { return fmt.Sprintf("%d of %d failed", e.failed, e.of) }

// ExitCode implements [coded].
func (*partlyError) ExitCode() int { return exitPartly }

// each does something for every argument. A failure does not keep the others from being done; the error of a single one
// is returned as it is.
func (a *app) each(ctx context.Context, args []string, do func(arg string) error) error {
	failed := 0
	for _, arg := range args {
		err := do(arg)
		if err == nil {
			continue
		}
		if len(args) == 1 || ctx.Err() != nil {
			return err
		}
		a.stderr.line("failed: %s: %s", arg, shorten(oneLine(err.Error())))
		failed++
	}
	if failed > 0 {
		return &partlyError{failed, len(args)}
	}
	return nil
}
