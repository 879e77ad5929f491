package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// secret is part of every password and token of these tests, so that any output can be searched for
// it.
const secret = "s3cr3t"

// emptySHA256 is the digest of an empty blob.
const emptySHA256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// program runs transship in its own environment: an empty home, no terminal, and no real waiting.
type program struct {
	t              testing.TB
	ctx            context.Context
	env            map[string]string
	stdin          string
	stdout         io.Writer      // replaces the result's
	stderr         io.Writer      // gets a copy of the result's
	stdinTerminal  bool           // standard input is a terminal
	stderrTerminal bool           // standard error is a terminal
	network        *memoryNetwork // in place of the machine's, in a synctest bubble, whose clock the waits take place on

	mu    sync.Mutex
	waits []time.Duration // the waits between retries, none of which took place
}

func newProgram(t testing.TB) *program {
	t.Helper()
	home := t.TempDir()
	ctx, stop := context.WithDeadline(context.Background(), deadline(t))
	t.Cleanup(stop)
	env := map[string]string{"HOME": home, "USERPROFILE": home, "XDG_RUNTIME_DIR": home, "PATH": home}
	return &program{t: t, ctx: ctx, env: env}
}

// deadline returns when a test stops waiting: shortly before the deadline of the test binary (go
// test -timeout), so that the test still reports what it waited for. A slow machine makes a test
// late, not failed.
func deadline(t testing.TB) time.Time {
	if t, ok := t.(*testing.T); ok {
		if end, ok := t.Deadline(); ok {
			return end.Add(-time.Until(end) / 20)
		}
	}
	return time.Now().Add(time.Hour)
}

// eventually waits until done reports true, and fails the test with the message if it never does.
func eventually(t testing.TB, done func() bool, message func() string) {
	t.Helper()
	for end := deadline(t); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(message())
		}
	}
}

// result is the outcome of a run.
type result struct {
	t              testing.TB
	home, line     string
	code           int
	stdout, stderr string
}

// run runs a command line and checks what must hold for every run.
func (p *program) run(args ...string) result {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	var out, problems io.Writer = &stdout, &stderr
	if p.stdout != nil {
		out = p.stdout
	}
	if p.stderr != nil {
		problems = io.MultiWriter(&stderr, p.stderr)
	}
	a := run.New(cli.NewStreams(func(name string) string { return p.env[name] }, strings.NewReader(p.stdin),
		out, problems))
	if p.network != nil {
		a.Dial = p.network.dial
	} else {
		a.Sleep = p.sleep
	}
	a.Stdin.Terminal, a.Stderr.Terminal = p.stdinTerminal, p.stderrTerminal
	code := runLine(p.ctx, a, args)
	o := result{p.t, p.env["HOME"], "transship " + strings.Join(args, " "), code, stdout.String(), stderr.String()}
	if os.Getenv("SHOW_RUNS") != "" {
		p.t.Logf("$ %s\n%s%s(exit %d)", o.line, o.stdout, o.stderr, o.code)
	}
	o.checkOutput()
	return o
}

func (p *program) sleep(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = append(p.waits, d)
	return ctx.Err()
}

// writeFile writes a file into the program's home and returns its path.
func (p *program) writeFile(name, content string) string {
	p.t.Helper()
	path := filepath.Join(p.env["HOME"], filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// checkOutput checks what must hold for every run: no secret, stack trace or control character in
// the output, and on failure exactly one error line and at most one hint, neither too long.
func (o result) checkOutput() {
	o.t.Helper()
	all := o.stdout + o.stderr
	for _, never := range []string{secret, "goroutine ", "panic", "%!", "\x07", "\r"} {
		if strings.Contains(all, never) {
			o.t.Errorf("%s\nprints %q:\n%s", o.line, never, all)
		}
	}
	if o.code == 0 {
		return
	}
	if len(o.errorLines()) != 1 || len(o.hintLines()) > 1 {
		o.t.Errorf("%s\nfails with %d errors and %d hints:\n%s", o.line, len(o.errorLines()),
			len(o.hintLines()), o.stderr)
	}
	for _, line := range append(o.errorLines(), o.hintLines()...) {
		if len(strings.ReplaceAll(line, o.home, "~")) > 420 {
			o.t.Errorf("%s\nhas a line of %d characters: %s", o.line, len(line), line)
		}
	}
}

// errorLines returns the lines of standard error that say why the program failed.
func (o result) errorLines() []string {
	_, errors, cut := strings.Cut(o.stderr, "Usage:") // without arguments the overview comes first
	if !cut {
		errors = o.stderr
	}
	return linesWithPrefix(errors, "transship")
}

func (o result) hintLines() []string { return linesWithPrefix(o.stderr, "hint: ") }

func linesWithPrefix(text, prefix string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// want checks the exit code, and that standard error contains each of the texts.
func (o result) want(code int, texts ...string) result {
	o.t.Helper()
	if o.code != code {
		o.t.Errorf("%s\nexits with %d, want %d:\n%s", o.line, o.code, code, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			o.t.Errorf("%s\ndoes not say %q:\n%s", o.line, text, o.stderr)
		}
	}
	return o
}

// interruptedContext returns a context that is cancelled as by Ctrl-C.
func interruptedContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cli.ErrInterrupted)
	return ctx
}
