package servers

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/wan"
)

// Serving is a running `transship serve` or `transship record`.
type Serving struct {
	Endpoint
	process *process
}

// Serve starts transship serve with args, on a free port of loopback.
func Serve(t testing.TB, args ...string) *Serving {
	t.Helper()
	return startServing(t, nil, "serve", args)
}

// Record starts transship record with args, a HOST among them, on a free port of loopback.
func Record(t testing.TB, args ...string) *Serving {
	t.Helper()
	return startServing(t, nil, "record", args)
}

// RecordAt is Record on the loopback of an end of a long link.
func RecordAt(t testing.TB, end *wan.End, args ...string) *Serving {
	t.Helper()
	return startServing(t, end.Enter, "record", args)
}

// startServing starts a command behind the words that enter a namespace; there may be none.
func startServing(t testing.TB, enter []string, command string, args []string) *Serving {
	t.Helper()
	transship, _ := Transship(t)
	r := &Serving{}
	s := service{dir: t.TempDir()}
	s.command = func([]int) *exec.Cmd {
		words := slices.Concat(enter, []string{transship.Path, command, "--listen", "127.0.0.1:0"}, args)
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = transship.Env
		return cmd
	}
	s.ready = func([]int) error { return r.listens(filepath.Join(s.dir, "stdout.log")) }
	r.process, _ = s.start(t)
	return r
}

// listens reads where the program listens from what it has printed.
func (r *Serving) listens(stdout string) error {
	printed, err := os.ReadFile(stdout)
	if err != nil {
		return err
	}
	line, _, whole := bytes.Cut(printed, []byte("\n"))
	if !whole {
		return errors.New("it has not printed its URL")
	}
	url := string(line)
	_, host, _ := strings.Cut(url, "://")
	r.Endpoint = Endpoint{Host: host, URL: url, Client: &http.Client{Transport: transport{base: http.DefaultTransport}}}
	return nil
}

// Peak follows the program's resident memory, as [Peak] does.
func (r *Serving) Peak() <-chan int64 { return Peak(r.process.cmd.Process.Pid) }

// Kill ends the program at once, as a crash does.
func (r *Serving) Kill() { r.process.kill() }

// Stop asks the program to end, and returns its exit status.
func (r *Serving) Stop(t testing.TB) int {
	r.process.stop(time.Until(Deadline(t)))
	return r.process.cmd.ProcessState.ExitCode()
}

// Log is what the program has printed on standard error.
func (r *Serving) Log() string { return tail(r.process.stderr) }
