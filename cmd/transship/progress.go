package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// progress shows how a copy goes on standard error: live on a terminal, one line for each finished image elsewhere.
type progress struct {
	out   io.Writer
	quiet bool
	live  bool
	began time.Time

	mu     sync.Mutex
	found  int64                       // bytes of all blobs that the copy has come upon
	done   int64                       // bytes of the blobs that are settled
	moved  int64                       // bytes of those that were sent
	count  map[blob.Outcome]int        // blobs by outcome
	moving map[blob.Digest]*movingBlob // blobs under way
	images int                         // manifests of images put, the root not counted
	kept   bool                        // the target had the image already
	drawn  int                         // lines on the terminal
}

type movingBlob struct {
	size  int64
	meter *blob.Meter
	since time.Time
}

// redrawEvery is the time between two pictures on a terminal.
const redrawEvery = 150 * time.Millisecond

func (a *app) newProgress() *progress {
	return &progress{
		out:    a.stderr,
		quiet:  a.shared.quiet,
		live:   !a.shared.quiet && !a.shared.verbose && isTerminal(a.stderr) && a.env("TERM") != "dumb",
		began:  time.Now(),
		count:  map[blob.Outcome]int{},
		moving: map[blob.Digest]*movingBlob{},
	}
}

// isTerminal tells whether a stream is a character device other than the null device.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// event takes what the engine tells.
func (p *progress) event(ev transfer.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev.Kind {
	case transfer.BlobFound:
		p.found += ev.Descriptor.Size
	case transfer.BlobStarted:
		p.moving[ev.Descriptor.Digest] = &movingBlob{size: ev.Descriptor.Size, meter: ev.Meter, since: time.Now()}
	case transfer.BlobFailed:
		delete(p.moving, ev.Descriptor.Digest)
	case transfer.BlobDone:
		p.settle(ev)
	case transfer.ManifestDone:
		if !manifest.IsIndex(ev.Descriptor.MediaType) {
			p.images++
		}
	case transfer.ImageDone:
		p.kept = ev.Outcome == blob.Exists
	}
}

func (p *progress) settle(ev transfer.Event) {
	delete(p.moving, ev.Descriptor.Digest)
	p.done += ev.Descriptor.Size
	p.count[ev.Outcome]++
	if ev.Outcome == blob.Uploaded {
		p.moved += ev.Descriptor.Size
	}
}

// start begins to draw, where there is a terminal, and returns what ends it.
func (p *progress) start() (stop func()) {
	if !p.live {
		return func() {}
	}
	ticker := time.NewTicker(redrawEvery)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				p.draw(p.picture(time.Now()))
			case <-quit:
				p.draw(nil)
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(quit)
		<-ended
	}
}

// draw puts lines in place of those drawn before.
func (p *progress) draw(lines []string) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", p.drawn)
	}
	b.WriteString("\x1b[J")
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	p.drawn = len(lines)
	io.WriteString(p.out, b.String())
}

// picture is one line for each moving blob, the longest under way first, and one with the total.
func (p *progress) picture(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	digests := make([]blob.Digest, 0, len(p.moving))
	for d := range p.moving {
		digests = append(digests, d)
	}
	slices.SortFunc(digests, func(a, b blob.Digest) int {
		if c := p.moving[a].since.Compare(p.moving[b].since); c != 0 {
			return c
		}
		return strings.Compare(string(a), string(b))
	})
	var lines []string
	done := p.done
	for _, d := range digests {
		m := p.moving[d]
		at := m.meter.Position()
		done += at
		lines = append(lines, fmt.Sprintf("  %s  %s  %s of %s", d.Short(), bar(at, m.size), formatBytes(at), formatBytes(m.size)))
	}
	return append(lines, p.total(done, now))
}

func (p *progress) total(done int64, now time.Time) string {
	elapsed := now.Sub(p.began)
	line := fmt.Sprintf("  total %s of %s", formatBytes(done), formatBytes(p.found))
	if done == 0 || elapsed < time.Second {
		return line
	}
	rate := float64(done) / elapsed.Seconds()
	left := time.Duration(float64(p.found-done) / rate * float64(time.Second))
	return line + fmt.Sprintf(", %s/s, %s left", formatBytes(int64(rate)), formatDuration(left.Round(time.Second)))
}

// bar is a bar of 20 characters.
func bar(at, size int64) string {
	const width = 20
	full := width
	if size > 0 {
		full = int(min(max(at, 0), size) * width / size)
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}

// summary is the line for a finished image.
func (p *progress) summary(from, to reference.Reference) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept {
		fmt.Fprintf(p.out, "%s is up to date with %s\n", to.Familiar(), from.Familiar())
		return
	}
	took := time.Since(p.began)
	fmt.Fprintf(p.out, "copied %s to %s: %d image%s; %s; %s in %s\n", from.Familiar(), to.Familiar(),
		p.images, plural(p.images), p.blobs(), formatBytes(p.moved), formatDuration(took))
}

// blobs says how the blobs came to be there.
func (p *progress) blobs() string {
	var parts []string
	for _, part := range []struct {
		outcome blob.Outcome
		word    string
	}{{blob.Uploaded, "sent"}, {blob.Mounted, "mounted"}, {blob.Exists, "there already"}} {
		if n := p.count[part.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, part.word))
		}
	}
	if len(parts) == 0 {
		return "no blobs"
	}
	return "blobs: " + strings.Join(parts, ", ")
}
