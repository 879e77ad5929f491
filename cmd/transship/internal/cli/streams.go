package cli

import (
	"bufio"
	"context"
	"errors"
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
	Stdin  *LineReader
	Stdout *Output
	Stderr *Console
	Quiet  bool // --quiet: Note prints nothing
}

// NewStreams returns streams that read and write the given ones. A nil stdin is empty.
func NewStreams(env func(string) string, stdin io.Reader, stdout, stderr io.Writer) *Streams {
	return &Streams{Env: env, Stdin: newLineReader(stdin), Stdout: &Output{out: stdout}, Stderr: NewConsole(stderr)}
}

// Output is standard output. It keeps the last error of a write, so that a full disk makes the run
// fail. Its methods may be called concurrently.
type Output struct {
	Discard bool // drop what is written: a planned command prints no result

	out io.Writer
	mu  sync.Mutex
	err error
}

// IsTerminal reports whether standard output is a terminal.
func (o *Output) IsTerminal() bool { return IsTerminal(o.out) }

// Err returns the last error of a write.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Write implements io.Writer.
func (o *Output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Discard {
		return len(text), nil
	}
	n, err := o.out.Write(text)
	if err != nil {
		o.err = fmt.Errorf("writing the result: %w", err)
		return n, o.err
	}
	return n, nil
}

// maxLine is the maximum size in bytes of a line of standard input.
const maxLine = 64 << 10

// LineReader reads standard input line by line; several flags may each take one line.
type LineReader struct {
	Terminal bool     // standard input is a terminal
	file     *os.File // nil if standard input is no file

	mu sync.Mutex
	r  *bufio.Reader
}

func newLineReader(r io.Reader) *LineReader {
	if r == nil {
		r = strings.NewReader("")
	}
	file, _ := r.(*os.File)
	return &LineReader{Terminal: IsTerminal(r), file: file, r: bufio.NewReaderSize(r, maxLine)}
}

// Read implements io.Reader for the bytes that no line was read of.
func (l *LineReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// next returns the next line without its newline, or the cause of ctx if that ends first.
func (l *LineReader) next(ctx context.Context) (string, error) { return until(ctx, l.line) }

// ReadAll returns the rest, at most limit bytes, without its last newline, or the cause of ctx if
// that ends first. More than limit bytes are a *[UsageError].
func (l *LineReader) ReadAll(ctx context.Context, limit int64) (string, error) {
	return until(ctx, func() (string, error) { return l.rest(limit) })
}

func (l *LineReader) line() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", &UsageError{Message: "standard input has a line of more than " + FormatBytes(maxLine)}
	}
	if err != nil && len(line) == 0 {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

func (l *LineReader) rest(limit int64) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := readLimited(l.r, "standard input", limit)
	if err != nil && !Has[*UsageError](err) {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return strings.TrimRight(text, "\r\n"), err
}

// until waits for a read to return or for ctx to end. A read that has not returned by then is left
// running: nothing ends a read from a terminal.
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

// Ask reads a line of standard input. On a terminal it prints a prompt first and, for a secret,
// switches echo off.
func (s *Streams) Ask(ctx context.Context, prompt string, secret bool) (string, error) {
	if !s.Stdin.Terminal {
		return s.Stdin.next(ctx)
	}
	if secret {
		defer hideInput(s.Stdin.file, s.Stderr)() // before the prompt: users type ahead
	}
	fmt.Fprint(s.Stderr, prompt)
	return s.Stdin.next(ctx)
}

// Attach gives a program these streams and the environment variables env. Where a stream is a file, the
// program has the file itself, so that a terminal is one for it too.
func (s *Streams) Attach(cmd *exec.Cmd, env []string) {
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, s.Stdin, s.Stdout, s.Stderr
	if s.Stdin.file != nil {
		cmd.Stdin = s.Stdin.file
	}
	if file, ok := s.Stdout.out.(*os.File); ok {
		cmd.Stdout = file
	}
	if file, ok := s.Stderr.out.(*os.File); ok {
		cmd.Stderr = file
	}
}

// Note prints a line on standard error, unless --quiet is given.
func (s *Streams) Note(format string, args ...any) {
	if !s.Quiet {
		s.Stderr.Line(format, args...)
	}
}

// Result prints a line on standard output, above the status lines if both are on the terminal.
func (s *Streams) Result(line string) {
	if s.Stdout.IsTerminal() {
		s.Stderr.above(func() { fmt.Fprintln(s.Stdout, line) })
		return
	}
	fmt.Fprintln(s.Stdout, line)
}

// PrintFailure prints which of several items failed, and why, also under --quiet.
func (s *Streams) PrintFailure(name string, err error) {
	s.Stderr.Line("failed: %s: %s", name, ShortenDigests(OneLine(err.Error())))
}

// hideInput switches the terminal's echo off and returns a function that switches it on again.
// Without stty the input is visible.
func hideInput(terminal *os.File, out io.Writer) (restore func()) {
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
