package main

import (
	"context"
	"fmt"
	"strings"
)

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
