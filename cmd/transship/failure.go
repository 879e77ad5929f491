package main

import (
	"context"
	"errors"
	"fmt"
)

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

// withHint is an error with a hint that only its command knows.
type withHint struct {
	error
	hint string
}

// Unwrap returns the error without its hint.
func (e *withHint) Unwrap() error { return e.error }

// Hint implements [hinted].
func (e *withHint) Hint() string { return e.hint }

// rewordedError has the class of an error and words of its own, such as those that docker has for it.
type rewordedError struct {
	words string
	err   error
}

// reword gives an error other words.
func reword(err error, format string, args ...any) error {
	return &rewordedError{fmt.Sprintf(format, args...), err}
}

// Error returns the words.
func (e *rewordedError) Error() string { return e.words }

// Unwrap returns the error that the words stand for.
func (e *rewordedError) Unwrap() error { return e.err }

// errInterrupted is the cancellation cause of a run that the user has stopped.
var errInterrupted = errors.New("interrupted")

// interruptedError is the end of a run that the user has stopped. What failed for it is not said.
type interruptedError struct{ err error }

// interrupted returns err as an interruption where the user has stopped the run.
func interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(context.Cause(ctx), errInterrupted) {
		return err
	}
	return &interruptedError{err}
}

// Error says that the run was interrupted.
func (*interruptedError) Error() string { return errInterrupted.Error() }

// Unwrap returns errInterrupted, and what failed for it.
func (e *interruptedError) Unwrap() []error { return []error{errInterrupted, e.err} }

// hintIn returns the hint that the outermost hinted error in err brings, and whether there is one.
func hintIn(err error) (hint string, ok bool) {
	var h hinted
	if !errors.As(err, &h) {
		return "", false
	}
	return h.Hint(), true
}
