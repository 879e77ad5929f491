package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// app is one run of the program: its surroundings, and what all commands share.
type app struct {
	env            func(string) string
	stdin          *lines
	stdout, stderr io.Writer

	command string // the command being run, as the user calls it
	sides   []*side
	shared  shared
}

// errInterrupted is why the context ends when the user stops the program.
var errInterrupted = errors.New("interrupted")

// dispatch finds the command and runs it.
func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 || isHelp(args[0]) || args[0] == "help" && len(args) == 1 {
		fmt.Fprint(a.stdout, overview())
		if len(args) == 0 {
			return &usageError{message: "no command given"}
		}
		return nil
	}
	if args[0] == "help" {
		args = append(args[1:len(args):len(args)], "-h")
	}
	if args[0] == "--version" || args[0] == "-version" {
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

// note prints a line for people on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

// finish prints what went wrong and returns the exit code.
func (a *app) finish(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		a.note("transship: interrupted; nothing was tagged that is not whole")
		return exitInterrupted
	}
	name := "transship"
	if a.command != "" {
		name += " " + a.command
	}
	a.note("%s: %s", name, strings.TrimSpace(oneLine(err.Error())))
	if hint := a.hint(err); hint != "" {
		a.note("hint: %s", hint)
	}
	return exitCode(err)
}

// oneLine joins the lines that errors.Join makes.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "; ") }

// lines reads standard input line by line; several flags may each take one.
type lines struct {
	terminal bool // a person types

	mu sync.Mutex
	r  *bufio.Reader
}

func newLines(r io.Reader) *lines {
	if r == nil {
		r = strings.NewReader("")
	}
	return &lines{terminal: isTerminal(r), r: bufio.NewReader(r)}
}

// next returns the next line without its end.
func (l *lines) next() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := l.r.ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
