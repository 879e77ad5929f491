package e2e

import (
	"bytes"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/servers"
)

// child is a running transship.
type child struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// begin starts the program without waiting for it.
func begin(t *testing.T, p servers.Program, args ...string) *child {
	t.Helper()
	c := &child{Cmd: exec.CommandContext(t.Context(), p.Path, append(p.Args, args...)...)}
	c.Env, c.Stdout, c.Stderr = p.Env, &c.stdout, &c.stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// end waits for the program's end and gives its exit code.
func (c *child) end(t *testing.T) servers.Result {
	t.Helper()
	stuck := time.AfterFunc(time.Until(servers.Deadline(t)), func() { _ = c.Process.Signal(syscall.SIGQUIT) })
	defer stuck.Stop()
	_ = c.Wait() // the exit code says it
	return servers.Result{Stdout: c.stdout.String(), Stderr: c.stderr.String(), Exit: c.ProcessState.ExitCode()}
}

// An interrupted copy exits with 130 and leaves no tag, and the same command finishes it. Nor does
// a killed copy leave a tag.
func TestInterruptedCopy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal syscall.Signal
		exit   int
		flags  []string
	}{
		"SIGINT":         {syscall.SIGINT, exitInterrupted, nil},
		"SIGTERM":        {syscall.SIGTERM, exitInterrupted, nil},
		"SIGINT, chunks": {syscall.SIGINT, exitInterrupted, []string{"--chunk-size=1MiB"}},
		"SIGKILL":        {syscall.SIGKILL, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			im := largeImage()
			from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
			source := push(t, from, im, "src/repo", "1.6")
			stalls := startRelay(t, from.Host, relayOptions{holdAt: 5 << 20})
			target := to.Host + "/dst/repo:1.6"
			transship, _ := servers.Transship(t)

			copying := begin(t, transship, append([]string{"copy", stalls.host + "/src/repo:1.6", target},
				c.flags...)...)
			select {
			case <-stalls.held:
			case <-time.After(time.Until(servers.Deadline(t))):
				t.Error("the copy did not come so far")
			}
			if err := copying.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			got := copying.end(t)
			if c.exit == exitInterrupted {
				wantRefused(t, got, c.exit, "interrupted")
			} else if got.Exit != c.exit || got.Stdout != "" {
				t.Errorf("%+v, want exit %d", got, c.exit)
			}
			wantAbsent(t, to, "dst/repo", "1.6")

			runCopy(t, transship, im, append(c.flags, source, target)...)
			verify(t, to, im, "dst/repo", "1.6")
		})
	}
}
