package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// recorder is a testing.TB whose skips and failures another test checks.
type recorder struct {
	testing.TB
	skipped, failed string
}

// Skipf ends the goroutine, as a real one does.
func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// Fatalf ends the goroutine, as a real one does.
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs f as a test of its own and waits for its end.
func record(t *testing.T, f func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestMissingProgram(t *testing.T) {
	find := func(t testing.TB) { Find(t, "no-such-program", "no-such-package") }
	const says = "no-such-program is not installed (Debian package no-such-package)"

	t.Setenv("TRANSSHIP_REQUIRE_ALL", "")
	if r := record(t, find); r.skipped != says || r.failed != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
	t.Setenv("TRANSSHIP_REQUIRE_ALL", "1")
	if r := record(t, find); r.skipped != "" || !strings.HasPrefix(r.failed, says) {
		t.Errorf("all required: skipped %q, failed %q", r.skipped, r.failed)
	}
}

// A server and its children are gone when its test has ended.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	var group int
	t.Run("server", func(t *testing.T) {
		dir := t.TempDir()
		s := service{dir: dir}
		s.command = func([]int) *exec.Cmd {
			return exec.Command("sh", "-c", `sleep 1000 & touch "$0/ready"; wait`, dir)
		}
		s.ready = func([]int) error {
			_, err := os.Stat(filepath.Join(dir, "ready"))
			return err
		}
		p, _ := s.start(t)
		group = p.cmd.Process.Pid
		if err := syscall.Kill(-group, 0); err != nil {
			t.Errorf("it does not run: %v", err)
		}
	})
	// A killed process may need a moment to be gone, and the server's children are init's to reap
	// now.
	Eventually(t, func() error {
		if left := alive(t, group); len(left) > 0 {
			return fmt.Errorf("processes of group %d are left in states %v", group, left)
		}
		return nil
	})
}

// alive lists the states of the processes of a group, less those that only wait to be reaped.
func alive(t *testing.T, group int) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, file := range stats {
		stat, _ := os.ReadFile(file) // it may have ended by now
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 2 && f[2] == fmt.Sprint(group) && f[0] != "Z" {
			states = append(states, f[0])
		}
	}
	return states
}

// If a port was taken meanwhile, the server is started on another one.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	var taken []net.Listener
	defer func() {
		for _, l := range taken {
			l.Close()
		}
	}()
	program := Find(t, "nginx", "nginx-light")
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	s := service{dir: dir, ports: 1}
	s.command = func(ports []int) *exec.Cmd {
		if len(taken) == 0 {
			l, err := net.Listen("tcp", loopback(ports[0]))
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, l)
		}
		writeNginxConfig(t, file, nginxConfig{Dir: dir, Addr: loopback(ports[0]), Upstream: "http://127.0.0.1:1"})
		return exec.Command(program, "-p", dir, "-c", file, "-e", "stderr")
	}
	s.ready = func(ports []int) error {
		if taken[0].Addr().String() == loopback(ports[0]) {
			return fmt.Errorf("not mine")
		}
		c, err := net.Dial("tcp", loopback(ports[0]))
		if err == nil {
			c.Close()
		}
		return err
	}
	s.start(t)
}

// A server that does not start fails the test with its log.
func TestServerFails(t *testing.T) {
	t.Parallel()
	s := service{dir: t.TempDir()}
	s.command = func([]int) *exec.Cmd { return exec.Command("sh", "-c", "echo the disk is on fire >&2; exit 1") }
	s.ready = func([]int) error { return fmt.Errorf("not ready") }
	r := record(t, func(t testing.TB) { s.start(t) })
	if !strings.Contains(r.failed, "the disk is on fire") {
		t.Errorf("failed with %q", r.failed)
	}
}
