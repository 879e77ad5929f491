package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// Exit codes of programs that were not run, as shells and env(1) have them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128 // plus the number of the signal that ended the program
)

// stopGrace is how long a program may take to end after an interrupt.
const stopGrace = 10 * time.Second

// programError is the error of a program that failed. It is not the [exec.ExitError] itself, whose code
// is not ours.
type programError struct {
	name, reason string
	code         int
}

// Error names the program.
func (e *programError) Error() string { return e.name + ": " + e.reason }

// ExitCode returns the program's exit code.
func (e *programError) ExitCode() int { return e.code }

// runProgram runs a program to its end. An interrupt is passed on to it; the end of ctx for another
// reason, a refused call, is not: its calls are refused, and it may say what that means to it.
func runProgram(ctx context.Context, r *run.Run, args, env []string) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer r.OnInterrupt(stop)()
	cmd := exec.CommandContext(running, args[0], args[1:]...)
	r.Attach(cmd, env)
	cmd.WaitDelay = stopGrace
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return cmd.Process.Kill()
		}
		return nil
	}
	return programFailure(args[0], cmd.Run())
}

// programFailure returns the error of a run that ended with err.
func programFailure(name string, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		code := exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = exitSignal + int(status.Signal())
		}
		return &programError{name, exit.String(), code}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return &programError{name, "there is no such program", exitNotFound}
	}
	return &programError{name, fmt.Sprintf("it cannot be run: %v", err), exitCannotRun}
}
