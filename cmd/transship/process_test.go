package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// TestMain lets the test binary be the program, for tests that need a process.
func TestMain(m *testing.M) {
	if os.Getenv("TRANSSHIP_TEST_PROCESS") != "" {
		main()
	}
	os.Exit(m.Run())
}

// newProcess returns a command that runs the program as a process, with an empty home. GORACE
// removes the second that the race detector waits at the end.
func newProcess(t *testing.T, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = []string{"TRANSSHIP_TEST_PROCESS=1", "GORACE=atexit_sleep_ms=0", "HOME=" + t.TempDir(),
		"XDG_RUNTIME_DIR=" + t.TempDir()}
	if testing.CoverMode() != "" {
		cmd.Env = append(cmd.Env, "GOCOVERDIR="+t.TempDir()) // without it the process prints a warning
	}
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Until(deadline(t))
	return cmd, stderr
}

func TestProcess(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	d := s.pushThreePlatforms()
	cmd, stderr := newProcess(t, "digest", s.host+"/src/repo:1.6")
	out, err := cmd.Output()
	if err != nil || string(out) != string(d.Digest)+"\n" || stderr.Len() > 0 {
		t.Errorf("prints %s%s, error %v", out, stderr, err)
	}
	cmd, stderr = newProcess(t, "digest", s.host+"/src/repo:1.7")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != cli.ExitNotFound {
		t.Errorf("error %v: %s", err, stderr)
	}
}

// noAnswer is a delay longer than any test: its client is interrupted before.
const noAnswer = 24 * time.Hour

// startStalledCopy starts a copy process and returns when it waits for its registry.
func startStalledCopy(t *testing.T) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	s := startServer(t)
	s.Set(registry.Rule{Delay: noAnswer})
	cmd, stderr = newProcess(t, "copy", "-v", s.host+"/x", s.host+"/y")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return s.Count("") > 0 }, func() string { return "the registry is not asked" })
	return cmd, stderr
}

func TestSignalsInterrupt(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, stderr := startStalledCopy(t)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != cli.ExitInterrupted ||
			!strings.Contains(stderr.String(), "transship copy: interrupted\n") {
			t.Errorf("%s: error %v: %s", signal, err, stderr)
		}
	}
}

// A typed password is not echoed, and the terminal echoes again afterwards.
func TestPasswordPromptHidesInput(t *testing.T) {
	t.Parallel()
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("the program script, which makes terminals, is not installed")
	}
	login := os.Args[0] + " login -u user " + listen(t, requirePassword(startServer(t))) +
		"; echo code $?; stty -a | tr ' ' '\\n' | grep -x -e echo"
	cmd, _ := newProcess(t)
	cmd.Path, cmd.Args = script, []string{"script", "-qec", login, "/dev/null"}
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"), "SHELL=/bin/sh")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal := bufio.NewReader(stdout)
	if prompt, err := terminal.ReadString(':'); err != nil || prompt != "Password:" {
		t.Fatalf("got %q, error %v", prompt, err)
	}
	if _, err := io.WriteString(stdin, password+"\n"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(terminal)
	text := strings.ReplaceAll(string(rest), "\r", "")
	if err != nil || strings.Contains(text, secret) || !strings.Contains(text, "logged in to") ||
		!strings.HasSuffix(text, "\ncode 0\necho\n") {
		t.Errorf("got %q, error %v", text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
