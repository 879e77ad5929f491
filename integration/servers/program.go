package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Program is a command line client with an environment of its own.
type Program struct {
	Path string   // of the executable
	Args []string // before the arguments of each run
	Env  []string // the whole environment, KEY=value
	Dir  string   // working directory; empty is the test's
}

// Result is how a run of a program ended.
type Result struct {
	Stdout, Stderr string
	Exit           int // the status; -1 after a signal
}

// Run runs the program and returns whatever its exit status. The test fails if it does not start, or not end in time.
func (p Program) Run(t testing.TB, args ...string) Result {
	t.Helper()
	return p.RunInput(t, "", args...)
}

// RunInput is Run with text on standard input.
func (p Program) RunInput(t testing.TB, stdin string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), Deadline(t))
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Path, append(append([]string{}, p.Args...), args...)...)
	cmd.Dir, cmd.Env = p.Dir, p.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, ctx.Err(), &stdout, &stderr)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// Output runs the program and returns its standard output. The test fails unless the program exits with 0.
func (p Program) Output(t testing.TB, args ...string) string {
	t.Helper()
	r := p.Run(t, args...)
	if r.Exit != 0 {
		t.Fatalf("%s %s: exit %d\n%s%s", p.Path, strings.Join(args, " "), r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// Offline gives the program in a network namespace of its own, which has no route to anywhere. It skips the test where the
// kernel makes none for this user.
func Offline(t testing.TB, p Program) Program {
	t.Helper()
	unshare := Find(t, "unshare", "util-linux")
	if out, err := exec.Command(unshare, "--map-root-user", "--net", "true").CombinedOutput(); err != nil {
		missing(t, "unshare makes no network namespace (%v: %s)", err, bytes.TrimSpace(out))
	}
	p.Args = append([]string{"--map-root-user", "--net", p.Path}, p.Args...)
	p.Path = unshare
	return p
}

// Find gives the path of a program, and skips the test if the machine does not have it.
func Find(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "%s is not installed (Debian package %s)", name, debianPackage)
	}
	return path
}

// needRoot skips the test unless it runs as root.
func needRoot(t testing.TB, program string) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "%s needs root", program)
	}
}

// missing skips the test, or fails it where nothing may be missing.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("TRANSSHIP_REQUIRE_ALL") == "1" {
		t.Fatalf(format+", and TRANSSHIP_REQUIRE_ALL is set", args...)
	}
	t.Skipf(format, args...)
}

// environment is a small clean environment: the test's PATH, home as HOME, and more.
func environment(home string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C"}, more...)
}

// Transship is the program under test, with a home and a docker configuration of its own: config is its $DOCKER_CONFIG, an
// empty folder. It is built within this module, so the modules it requires may be newer than in a release.
func Transship(t testing.TB) (program Program, config string) {
	t.Helper()
	home := t.TempDir()
	config = filepath.Join(home, ".docker")
	if err := os.Mkdir(config, 0o700); err != nil {
		t.Fatal(err)
	}
	return Program{Path: goTool(t, "transship"), Env: environment(home, "DOCKER_CONFIG="+config)}, config
}

// Benchstat is golang.org/x/perf/cmd/benchstat, which compares benchmarks.
func Benchstat(t testing.TB) Program {
	t.Helper()
	return Program{Path: goTool(t, "benchstat"), Env: environment(t.TempDir())}
}

// built keeps what goTool has built: names to functions, each of which builds once.
var built sync.Map

// goTool gives the path of a program of the integration module's tool directives. The go command builds it, or finds it in
// its cache. name is the last element of the package's path.
func goTool(t testing.TB, name string) string {
	t.Helper()
	build, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		out, err := exec.Command("go", "tool", "-n", name).Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = fmt.Errorf("go tool -n %s: %w\n%s", name, err, exit.Stderr)
		}
		return strings.TrimSpace(string(out)), err
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
