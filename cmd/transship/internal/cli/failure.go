package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// ExitCodeOf returns the exit code that the outermost coded error in err brings, 0 where there is none. A credential
// helper's own exit code is none of ours.
func ExitCodeOf(err error) int {
	var c coded
	if !errors.As(err, &c) || Has[*exec.ExitError](c) {
		return 0
	}
	return c.ExitCode()
}

// Has tells whether err has an error of type E in it.
func Has[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// coded is an error that brings the program's exit code. Errors of the library bring none: exitCode
// classifies them.
type coded interface {
	error
	ExitCode() int
}

// hinted is an error that says what the user can try, in one line; "" where the error says it
// already.
type hinted interface {
	error
	Hint() string
}

// hintedError is an error with a hint that only its command knows.
type hintedError struct {
	error
	hint string
}

// WithHint gives an error a hint, which takes the place of one that it may have.
func WithHint(err error, hint string) error { return &hintedError{err, hint} }

// Unwrap returns the error without its hint.
func (e *hintedError) Unwrap() error { return e.error }

// Hint implements [hinted].
func (e *hintedError) Hint() string { return e.hint }

// rewordedError has the class of an error and words of its own, such as those that docker has for it.
type rewordedError struct {
	words string
	err   error
}

// Reword gives an error other words.
func Reword(err error, format string, args ...any) error {
	return &rewordedError{fmt.Sprintf(format, args...), err}
}

// Error returns the words.
func (e *rewordedError) Error() string { return e.words }

// Unwrap returns the error that the words stand for.
func (e *rewordedError) Unwrap() error { return e.err }

// ErrInterrupted is the cancellation cause of a run that the user has stopped.
var ErrInterrupted = errors.New("interrupted")

// interruptedError is the end of a run that the user has stopped. What failed for it is not said.
type interruptedError struct{ err error }

// WrapInterrupted returns err as an interruption where the user has stopped the run.
func WrapInterrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(context.Cause(ctx), ErrInterrupted) {
		return err
	}
	return &interruptedError{err}
}

// Error says that the run was interrupted.
func (*interruptedError) Error() string { return ErrInterrupted.Error() }

// Unwrap returns errInterrupted, and what failed for it.
func (e *interruptedError) Unwrap() []error { return []error{ErrInterrupted, e.err} }

// HintOf returns the hint that the outermost hinted error in err brings, and whether there is one.
func HintOf(err error) (hint string, ok bool) {
	var h hinted
	if !errors.As(err, &h) {
		return "", false
	}
	return h.Hint(), true
}
