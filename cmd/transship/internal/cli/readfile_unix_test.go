//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func newPipe(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	return path
}

// A pipe is read to its end, as one of <(COMMAND) in a shell. One without a writer is empty.
func TestReadFileOfPipe(t *testing.T) {
	path := newPipe(t)
	if got, err := ReadFile(t.Context(), path, 100); got != "" || err != nil {
		t.Errorf("without a writer: got %q, error %v", got, err)
	}
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("halo:1.6\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	if _, err := ReadFile(ctx, path, 100); !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted, with the writer still there: got error %v", err)
	}
	w.Close()
}

// A pipe whose writer says nothing is waited for until the run is interrupted.
func TestOpenFileOfPipeEndsWithContext(t *testing.T) {
	path := newPipe(t)
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	file, err := OpenFile(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := file.Read(make([]byte, 1))
		done <- err
	}()
	cancel(ErrInterrupted)
	if err := <-done; err == nil {
		t.Error("the read returned without an error")
	}
}

// A name that becomes a device's while the file is opened is refused, and no byte of that is read.
func TestReadFileOfNameThatChanges(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "policy"), filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("policy"), 0o600); err != nil {
		t.Fatal(err)
	}
	point := func(target string) {
		if err := errors.Join(os.Symlink(target, path+".new"), os.Rename(path+".new", path)); err != nil {
			t.Error(err)
		}
	}
	point(file)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			point("/dev/zero")
			point(file)
		}
	}()
	for range 20_000 {
		got, err := ReadFile(t.Context(), path, 100)
		if err == nil && got == "policy" || Has[*UsageError](err) && strings.Contains(err.Error(), "is neither a file nor a pipe") {
			continue
		}
		t.Errorf("got %q, error %v", got, err)
		break
	}
	stop.Store(true)
	<-done
}
