package servers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a server program that runs in the foreground, in a process group of its own.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr string        // log files
	done           chan struct{} // closed when it has ended
	killed         sync.Once     // the group's number may be somebody else's after the first time
}

// launch starts cmd with its logs in dir.
func launch(cmd *exec.Cmd, dir string) (*process, error) {
	p := &process{
		cmd:    cmd,
		stdout: filepath.Join(dir, "stdout.log"),
		stderr: filepath.Join(dir, "stderr.log"),
		done:   make(chan struct{}),
	}
	started := make(chan error)
	go p.run(started)
	return p, <-started
}

// run starts the program and waits for it. Linux ends the program with the thread that started it, so this goroutine
// keeps its thread: then the program ends with the test process, even if that is killed, and not before.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	stdout, err1 := os.Create(p.stdout)
	stderr, err2 := os.Create(p.stderr)
	defer stdout.Close()
	defer stderr.Close()
	if err := errors.Join(err1, err2); err != nil {
		started <- err
		return
	}
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	p.cmd.SysProcAttr = ownGroup()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in its log
	}
}

// grace is how long a server may take to end when no test looks at how it ends.
const grace = 15 * time.Second

// stop asks the program to end, waits for that as long as patience, and kills what is left of its group.
func (p *process) stop(patience time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
	}
	p.kill()
}

// kill ends the program's whole group at once.
func (p *process) kill() {
	p.killed.Do(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	<-p.done
}

// ended reports whether the program has stopped by itself.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// wait polls ready until it succeeds. It fails when the program ends before that, or at the deadline.
func (p *process) wait(deadline time.Time, ready func() error) error {
	for ; ; time.Sleep(20 * time.Millisecond) {
		err := ready()
		switch {
		case err == nil:
			return nil
		case p.ended():
			return errors.New("it ended by itself")
		case time.Now().After(deadline):
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// logs are the last lines of both logs.
func (p *process) logs() string {
	return tail(p.stdout) + tail(p.stderr)
}

// tail is the end of a file, for people.
func tail(file string) string {
	const most = 16 << 10
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error() + "\n"
	}
	if len(text) > most {
		text = append([]byte("..."), text[len(text)-most:]...)
	}
	return fmt.Sprintf("--- %s\n%s\n", filepath.Base(file), bytes.TrimSpace(text))
}

// service says how to start a server that listens on ports.
type service struct {
	dir     string // for logs
	ports   int    // how many it needs
	command func(ports []int) *exec.Cmd
	ready   func(ports []int) error
}

// start starts s and waits until it is ready; the server is stopped when the test ends. Somebody else may take a port
// between picking and listening: then it starts again on others.
func (s service) start(t testing.TB) (*process, []int) {
	t.Helper()
	for try := 1; ; try++ {
		ports := freePorts(t, s.ports)
		p, err := launch(s.command(ports), s.dir)
		if err != nil {
			t.Fatal(err)
		}
		err = p.wait(Deadline(t), func() error { return s.ready(ports) })
		if err == nil {
			s.watch(t, p)
			return p, ports
		}
		p.stop(grace)
		if logs := p.logs(); try == 3 || !strings.Contains(strings.ToLower(logs), "address already in use") {
			t.Fatalf("%s: %v\n%s", p.cmd, err, logs)
		}
	}
}

// watch stops p when the test ends, and shows its logs if the test has failed.
func (s service) watch(t testing.TB, p *process) {
	t.Cleanup(func() {
		p.stop(grace)
		if t.Failed() {
			t.Logf("%s\n%s", p.cmd, p.logs())
		}
	})
}

// freePorts picks n different ports that nobody listens on.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// loopback is the address of a port.
func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
