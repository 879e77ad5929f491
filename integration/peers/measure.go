package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hczjl/transship/integration/servers"
)

// blockSize is what getrusage counts in as ru_oublock, in bytes: what write_bytes is in proc(5), divided.
const blockSize = 512

// usage is what a run of a program took.
type usage struct {
	wall    time.Duration
	cpu     time.Duration // of all its threads, in user and kernel mode
	peak    int64         // most bytes resident
	written int64         // bytes that went to a disk, or will
}

// errLate is why a program was ended.
var errLate = errors.New("it takes longer than")

// measure runs a program. One that fails, or takes longer than limit, is an error with what it said.
func measure(ctx context.Context, p servers.Program, limit time.Duration, args ...string) (usage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w %v", errLate, limit))
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Path, append(append([]string{}, p.Args...), args...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.Env, p.Dir, &out, &out
	cmd.WaitDelay = time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	peak := servers.Peak(cmd.Process.Pid)
	err := cmd.Wait()
	u := usage{wall: time.Since(began), peak: <-peak}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.written = ru.Oublock * blockSize
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w\n%s", cmd, err, lastLines(out.String()))
	}
	return u, nil
}

// lastLines are the last lines of what a program has said.
func lastLines(text string) string {
	const most = 1000
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return text
}
