package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hczjl/transship/auth"
)

// app is one run of the program: its surroundings, and what all commands share.
type app struct {
	env    func(string) string
	stdin  *lines
	stdout *results
	stderr *console
	sleep  func(context.Context, time.Duration) error // before a failed call is repeated; nil waits on the clock

	command     string // the command being run, as the user calls it
	interrupted string // the hint where the user interrupts it; may be empty
	sides       []*side
	shared      shared
}

func newApp(env func(string) string, stdin io.Reader, stdout, stderr io.Writer) *app {
	a := &app{env: env, stdin: newLines(stdin), stdout: &results{out: stdout}, stderr: newConsole(stderr)}
	a.forgetCongestion()
	return a
}

// run runs one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	err := a.dispatch(ctx, args)
	if err == nil {
		err = a.stdout.err
	}
	return a.finish(ctx, err)
}

// dispatch finds the command and runs it.
func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(a.stderr, overview())
		return &usageError{message: "a command is missing"}
	}
	if args[0] == "help" {
		args = append(args[1:len(args):len(args)], "-h")
	}
	switch {
	case isHelp(args[0]):
		fmt.Fprint(a.stdout, overview())
		return nil
	case len(args) == 2 && isHelp(args[1]) && len(membersOf(args[0])) > 0:
		fmt.Fprint(a.stdout, familyOverview(args[0]))
		return nil
	case args[0] == "--version" || args[0] == "-version":
		args = []string{"version"}
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	a.command = c.name
	return c.execute(ctx, a, rest)
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// note prints a line for people on standard error, unless they want to be left alone.
func (a *app) note(format string, args ...any) {
	if !a.shared.quiet {
		a.stderr.line(format, args...)
	}
}

// did prints a line about what a command has done, unless it only plans that.
func (a *app) did(format string, args ...any) {
	if !a.planning() {
		a.note(format, args...)
	}
}

// finish prints what went wrong and returns the exit code.
func (a *app) finish(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	err = interrupted(ctx, err)
	name := strings.TrimSpace("transship " + a.command)
	a.stderr.line("%s: %s", name, shorten(oneLine(err.Error())))
	if hint := a.hint(err); hint != "" {
		a.stderr.line("hint: %s", hint)
	}
	return exitCode(err)
}

// config is where docker and podman keep credentials.
func (a *app) config() *auth.Config {
	config := auth.ConfigFromEnv(a.env)
	config.HelperOutput = a.stderr
	return config
}
