package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Streams are a command's environment variables and standard streams.
type Streams struct {
	Env    func(name string) string
	Stdin  *Lines
	Stdout *results
	Stderr *Console
	Quiet  bool // notes are dropped
}

// NewStreams returns streams on the process's own, or on what a test has in their place.
func NewStreams(env func(string) string, stdin io.Reader, stdout, stderr io.Writer) *Streams {
	return &Streams{Env: env, Stdin: newLines(stdin), Stdout: &results{Out: stdout}, Stderr: NewConsole(stderr)}
}

// results is standard output. It remembers a failure, so that a full disk does not pass for success. It may be
// written concurrently.
type results struct {
	Out      io.Writer
	mu       sync.Mutex
	Err      error
	Withheld bool // what comes is dropped: the result of a command that is only planned
}

// Write implements io.Writer.
func (r *results) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Withheld {
		return len(text), nil
	}
	n, err := r.Out.Write(text)
	if err != nil {
		r.Err = fmt.Errorf("writing the result: %w", err)
		return n, r.Err
	}
	return n, nil
}

// Lines reads standard input line by line; several flags may each take one.
type Lines struct {
	Terminal bool     // a person types
	file     *os.File // the terminal, where it is one

	mu sync.Mutex
	r  *bufio.Reader
}

func newLines(r io.Reader) *Lines {
	if r == nil {
		r = strings.NewReader("")
	}
	file, _ := r.(*os.File)
	return &Lines{Terminal: IsTerminal(r), file: file, r: bufio.NewReader(r)}
}

// next returns the next line without its end, or the cause when ctx ends first.
func (l *Lines) next(ctx context.Context) (string, error) { return until(ctx, l.line) }

// All returns what is left, without the end of its last line, or the cause when ctx ends first.
func (l *Lines) All(ctx context.Context) (string, error) { return until(ctx, l.rest) }

func (l *Lines) line() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := l.r.ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (l *Lines) rest() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := io.ReadAll(l.r)
	if err != nil {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// until waits for a read to return. One that goes on when ctx has ended is left behind: nothing ends a read from a
// terminal.
func until(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Ask reads a line, with a prompt where a person types, and without echo for a secret.
func (s *Streams) Ask(ctx context.Context, prompt string, secret bool) (string, error) {
	if !s.Stdin.Terminal {
		return s.Stdin.next(ctx)
	}
	if secret {
		defer hide(s.Stdin.file, s.Stderr)() // before the prompt, for a user who types ahead
	}
	fmt.Fprint(s.Stderr, prompt)
	return s.Stdin.next(ctx)
}

// Note prints a line for people on standard error, unless --quiet is given.
func (s *Streams) Note(format string, args ...any) {
	if !s.Quiet {
		s.Stderr.Line(format, args...)
	}
}

// Failed prints which of several things failed, and why, also under --quiet.
func (s *Streams) Failed(name string, err error) {
	s.Stderr.Line("failed: %s: %s", name, Shorten(OneLine(err.Error())))
}

// hide switches the terminal's echo off and returns what switches it on again. Without stty what is typed shows.
func hide(terminal *os.File, out io.Writer) (restore func()) {
	stty := func(arg string) error {
		cmd := exec.Command("stty", arg)
		cmd.Stdin = terminal
		return cmd.Run()
	}
	if terminal == nil || stty("-echo") != nil {
		return func() {}
	}
	return func() {
		_ = stty("echo")
		fmt.Fprintln(out)
	}
}
