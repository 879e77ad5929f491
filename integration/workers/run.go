package workers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/integration/servers"
)

// Result is what a run took.
type Result struct {
	Calls  int64 // of both registries
	Again  int64 // HEADs of tags among them that repeat another
	Kills  int
	Time   time.Duration
	Memory int64 // bytes of the largest worker
}

// Run copies the source with all workers, and checks that the target has what the source has.
func (w *World) Run(ctx context.Context) (Result, error) {
	dir, err := os.MkdirTemp("", "transship-scale")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	workers := make([]*worker, w.Shards)
	target := new(registry.Memory)
	killAt := map[int64]*worker{} // by the number of images that the target has
	for i := range workers {
		workers[i] = &worker{program: w.Program, dir: dir}
	}
	for i := range w.Kills {
		killAt[int64(w.Tags*(i+1)/(w.Kills+1))] = workers[i%w.Shards]
	}
	from, to := w.serve(w.source, nil), w.serve(target, func(images int64) {
		if one := killAt[images]; one != nil {
			one.kill()
		}
	})
	defer from.Close()
	defer to.Close()
	for i := range workers {
		workers[i].args = []string{"sync", "--quiet", "--all", from.host(), to.host(),
			"--shard", fmt.Sprintf("%d/%d", i+1, w.Shards), "--state", filepath.Join(dir, fmt.Sprint("state", i+1))}
	}
	began := time.Now()
	var group sync.WaitGroup
	errs := make([]error, w.Shards)
	for i := range workers {
		group.Go(func() { errs[i] = workers[i].work(ctx) })
	}
	group.Wait()
	r := Result{Calls: from.calls.Load() + to.calls.Load(), Again: from.again.Load() + to.again.Load(), Time: time.Since(began)}
	for _, one := range workers {
		r.Memory, r.Kills = max(r.Memory, one.memory), r.Kills+one.kills
	}
	return r, errors.Join(errors.Join(errs...), w.same(ctx, target))
}

// same returns an error unless the target has the tags of the source.
func (w *World) same(ctx context.Context, target *registry.Memory) error {
	for i := range w.Repositories {
		from, to := w.source.Repository(w.name(i)), target.Repository(w.name(i))
		tags, err := from.Tags(ctx)
		if err != nil {
			return err
		}
		got, err := to.Tags(ctx)
		if err != nil || !slices.Equal(tags, got) {
			return fmt.Errorf("%s has the tags %v, want %v (%w)", w.name(i), got, tags, err)
		}
		for _, tag := range tags {
			a, errA := from.HeadManifest(ctx, tag)
			b, errB := to.HeadManifest(ctx, tag)
			if errA != nil || errB != nil || a.Digest != b.Digest {
				return fmt.Errorf("%s:%s is %s, want %s", w.name(i), tag, b.Digest, a.Digest)
			}
		}
	}
	return nil
}

// worker is a shard, whose process is started again when it was killed.
type worker struct {
	program, dir string
	args         []string
	memory       int64 // bytes, the largest of its processes
	kills        int

	mu      sync.Mutex
	process *os.Process
	isEnded bool
}

// kill kills the process, by SIGKILL.
func (w *worker) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process != nil && !w.isEnded {
		_ = w.process.Kill()
	}
}

// work runs the worker until it has ended by itself.
func (w *worker) work(ctx context.Context) error {
	for {
		cmd := exec.CommandContext(ctx, w.program, w.args...)
		var stderr bytes.Buffer
		cmd.Stderr, cmd.Env = &stderr, append(os.Environ(), "HOME="+w.dir, "DOCKER_CONFIG="+w.dir)
		w.mu.Lock()
		err := cmd.Start()
		w.process, w.isEnded = cmd.Process, false
		w.mu.Unlock()
		if err != nil {
			return err
		}
		peak := servers.Peak(cmd.Process.Pid)
		err = cmd.Wait()
		w.mu.Lock()
		w.isEnded = true
		w.mu.Unlock()
		w.memory = max(w.memory, <-peak)
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && ctx.Err() == nil {
			w.kills++
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, stderr.Bytes())
		}
		return nil
	}
}
