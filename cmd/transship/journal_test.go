package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// stoppingRegistry is a registry that interrupts a program when it has got so many bytes of one upload.
type stoppingRegistry struct {
	registry.Handler
	stop    func()
	stopped atomic.Bool // once
	after   int64
	sent    atomic.Int64 // bytes of all bodies
}

// ServeHTTP implements http.Handler.
func (s *stoppingRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = &countedBody{ReadCloser: r.Body, registry: s}
	s.Handler.ServeHTTP(w, r)
}

// countedBody is the body of one request.
type countedBody struct {
	io.ReadCloser
	registry *stoppingRegistry
	here     int64
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.here += int64(n)
	b.registry.sent.Add(int64(n))
	if b.here >= b.registry.after && b.registry.stopped.CompareAndSwap(false, true) {
		b.registry.stop()
		return n, io.ErrUnexpectedEOF // it gets no further byte
	}
	return n, err
}

const journaledLayer = 40 << 20

// interruptedUpload returns a program that was interrupted when a registry had 36 MiB of a layer, and the
// line that it ran.
func interruptedUpload(t *testing.T, flags ...string) (*program, *stoppingRegistry, []string) {
	p, target := newProgram(t), &stoppingRegistry{after: 36 << 20}
	whole := p.ctx
	ctx, interrupt := context.WithCancelCause(whole)
	p.ctx, target.stop = ctx, func() { interrupt(cli.ErrInterrupted) }
	line := append([]string{"copy", "null:40MiB:7", listen(t, target) + "/a:1"}, flags...)
	p.run(line...).want(cli.ExitInterrupted)
	p.ctx = whole
	target.sent.Store(0)
	return p, target, line
}

func (p *program) uploads() []string {
	files, _ := filepath.Glob(filepath.Join(p.env["HOME"], ".local/state/transship/uploads/*"))
	return files
}

func TestInterruptedUploadIsResumed(t *testing.T) {
	p, target, line := interruptedUpload(t)
	if len(p.uploads()) != 1 {
		t.Fatalf("the journal has %v", p.uploads())
	}
	p.run(append(line, "--plan")...).want(0)
	p.run(line...).want(0, "the upload of sha256:", "resumes at 3")
	if n := target.sent.Load(); n < 1<<20 || n > 5<<20 {
		t.Errorf("%d bytes were sent", n)
	}
	if len(p.uploads()) != 0 {
		t.Errorf("the journal has %v", p.uploads())
	}
}

// Of two runs that push the same blob with one journal, the first has the entry. Both end well, and leave none.
func TestTwoRunsWithOneJournal(t *testing.T) {
	t.Parallel()
	first, second := newProgram(t), newProgram(t)
	second.env["HOME"] = first.env["HOME"]
	var uploads atomic.Int32
	begun, done := make(chan struct{}), make(chan struct{})
	store := new(registry.Handler)
	line := []string{"copy", "null:33MiB:7", listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength >= 1<<20 && uploads.Add(1) == 1 {
			close(begun)
			<-done
		}
		store.ServeHTTP(w, r)
	})) + "/a:1"}
	var group sync.WaitGroup
	group.Go(func() { first.run(line...).want(0) })
	<-begun
	if n := len(first.uploads()); n != 1 {
		t.Errorf("the journal has %d entries", n)
	}
	if o := second.run(line...).want(0); strings.Contains(o.stderr, "warning") || strings.Contains(o.stderr, "resumes") {
		t.Error(o.stderr)
	}
	if n := len(first.uploads()); n != 1 {
		t.Errorf("the other run leaves %d entries", n)
	}
	close(done)
	group.Wait()
	if n := len(first.uploads()); n != 0 || uploads.Load() != 2 {
		t.Errorf("%d uploads, and the journal has %d entries", uploads.Load(), n)
	}
}

func TestUploadsWithoutJournal(t *testing.T) {
	p, target, line := interruptedUpload(t, "--no-journal")
	if len(p.uploads()) != 0 {
		t.Errorf("the journal has %v", p.uploads())
	}
	if o := p.run(line...).want(0); strings.Contains(o.stderr, "resumes") || target.sent.Load() < journaledLayer {
		t.Errorf("%s\n%d bytes were sent", o.stderr, target.sent.Load())
	}
}

func TestPruneForgetsUploads(t *testing.T) {
	p, target, line := interruptedUpload(t)
	if o := p.run("prune", "--json").want(0); !strings.Contains(o.stdout, `"uploads": 1`) || len(p.uploads()) != 0 {
		t.Errorf("%s\nthe journal has %v", o.stdout, p.uploads())
	}
	p.run(line...).want(0)
	if target.sent.Load() < journaledLayer {
		t.Errorf("%d bytes were sent", target.sent.Load())
	}
}

// A state folder that cannot be written is a warning. So is the file of a newer program.
func TestUnusableStateFolder(t *testing.T) {
	p, _, line := interruptedUpload(t)
	note := p.uploads()[0]
	raw, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(raw), `"version":1`, `"version":2`, 1)
	if err := os.WriteFile(note, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(line...).want(0, "warning: large uploads are not noted", "newer transship")

	p.env["XDG_STATE_HOME"] = note // a file
	line[2] = strings.Replace(line[2], "/a:1", "/b:1", 1)
	line[1] = "null:40MiB:8"
	p.run(line...).want(0, "warning: large uploads are not noted", "not a directory")
}
