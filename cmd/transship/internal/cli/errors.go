package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// UsageError is the error of a command line that cannot be understood.
type UsageError struct {
	Message string
	Advice  string // the hint; may be empty
}

// Error returns the message without the advice.
func (e *UsageError) Error() string { return e.Message }

// ExitCode implements [coded].
func (*UsageError) ExitCode() int { return ExitUsage }

// Hint implements [hinted].
func (e *UsageError) Hint() string { return e.Advice }

// coded is an error that brings the program's exit code. The library's errors bring none: package
// run classifies them.
type coded interface {
	error
	ExitCode() int
}

// ExitCodeOf returns the exit code that the outermost coded error in err's tree brings, or 0. The
// exit code of a credential helper, an exec.ExitError, does not count.
func ExitCodeOf(err error) int {
	var c coded
	if !errors.As(err, &c) || Has[*exec.ExitError](c) {
		return 0
	}
	return c.ExitCode()
}

// Has reports whether err's tree has an error of type E.
func Has[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// hinted is an error that brings a hint: what the user can try, in one line. An empty hint
// suppresses the one that package run would give.
type hinted interface {
	error
	Hint() string
}

// HintOf returns the hint of the outermost hinted error in err's tree, and whether there is one.
func HintOf(err error) (hint string, ok bool) {
	var h hinted
	if !errors.As(err, &h) {
		return "", false
	}
	return h.Hint(), true
}

// hintedError is an error with a hint that only its command knows.
type hintedError struct {
	error
	hint string
}

// WithHint wraps an error with a hint, which replaces a hint that it may have.
func WithHint(err error, hint string) error { return &hintedError{err, hint} }

// Unwrap returns the error without its hint.
func (e *hintedError) Unwrap() error { return e.error }

// Hint implements [hinted].
func (e *hintedError) Hint() string { return e.hint }

// rewordedError is an error with another message, such as docker's.
type rewordedError struct {
	message string
	err     error
}

// Reword returns an error with another message. errors.Is and errors.As still find err in it.
func Reword(err error, format string, args ...any) error {
	return &rewordedError{fmt.Sprintf(format, args...), err}
}

// Error returns the new message.
func (e *rewordedError) Error() string { return e.message }

// Unwrap returns the error with its own message.
func (e *rewordedError) Unwrap() error { return e.err }

// ErrInterrupted is the cancellation cause of a run that the user has stopped.
var ErrInterrupted = errors.New("interrupted")

// interruptedError is the error of a run that the user has stopped. Its message leaves out what
// failed because of that.
type interruptedError struct{ err error }

// WrapInterrupted returns err as an interruption if the user has stopped the run, else err itself.
func WrapInterrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(context.Cause(ctx), ErrInterrupted) {
		return err
	}
	return &interruptedError{err}
}

// Error returns the message of ErrInterrupted.
func (*interruptedError) Error() string { return ErrInterrupted.Error() }

// Unwrap returns ErrInterrupted and the error that the interruption caused.
func (e *interruptedError) Unwrap() []error { return []error{ErrInterrupted, e.err} }
