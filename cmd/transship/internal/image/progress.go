package image

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// Progress tells on standard error how a copy goes on: live on a terminal, by one line for each finished image
// elsewhere.
type Progress struct {
	out      *cli.Console
	quiet    bool
	live     bool
	PerImage bool // images, so that there is a line for each of them and none for its parts
	began    time.Time

	mu       sync.Mutex
	found    int64                       // bytes of all blobs that the copy has come upon
	done     int64                       // bytes of the blobs that are settled
	moved    int64                       // bytes of those that were sent
	count    map[blob.Outcome]int        // blobs by outcome
	moving   map[blob.Digest]*movingBlob // blobs under way
	images   int                         // images of a list that are at the target, attestations not counted
	UpToDate bool                        // the target had the image already
	keep     func(transfer.Event)        // told of each image that the target had; may be nil
	recent   []sample                    // of the bytes sent, for the rate
}

type movingBlob struct {
	size  int64
	meter *blob.Meter
	since time.Time
}

// redrawEvery is the time between two pictures on a terminal.
const redrawEvery = 150 * time.Millisecond

func NewProgress(r *run.Run) *Progress {
	quiet := r.Quiet || r.Planning()
	told := quiet || r.Verbose || r.PrintCall != nil // nothing, or call by call
	p := &Progress{
		out:    r.Stderr,
		quiet:  quiet,
		live:   r.Stderr.Terminal && r.Env("TERM") != "dumb" && !told,
		began:  time.Now(),
		count:  map[blob.Outcome]int{},
		moving: map[blob.Digest]*movingBlob{},
	}
	if r.Planning() {
		p.keep = r.Plan.AddUpToDate
	}
	return p
}

// Event takes what the engine tells.
func (p *Progress) Event(ev transfer.Event) {
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
		p.image(ev)
	case transfer.ImageDone:
		p.UpToDate = ev.Outcome == blob.Exists
		p.whole(ev)
		if p.UpToDate && p.keep != nil {
			p.keep(ev)
		}
	}
}

// whole says that one of many images is there, where that is news.
func (p *Progress) whole(ev transfer.Event) {
	if p.PerImage && !p.live && !p.quiet && !p.UpToDate {
		p.out.Line("%s %s: copied", ev.Target, ev.Ref)
	}
}

func (p *Progress) settle(ev transfer.Event) {
	delete(p.moving, ev.Descriptor.Digest)
	p.done += ev.Descriptor.Size
	p.count[ev.Outcome]++
	if ev.Outcome == blob.Uploaded {
		p.moved += ev.Descriptor.Size
	}
}

// image counts a finished image of a list and, where there is no picture, says so. One that is copied by itself has no
// more than the summary; what only refers to an image has no platform.
func (p *Progress) image(ev transfer.Event) {
	d := ev.Descriptor
	if d.Platform == nil || d.AttestationFor() != "" {
		return
	}
	p.images++
	if p.live || p.quiet || p.PerImage {
		return
	}
	how := "copied"
	if ev.Outcome == blob.Exists {
		how = "there already"
	}
	p.out.Line("%s %s: %s", d.Platform, d.Digest.Short(), how)
}

// Start begins to draw, where there is a terminal, and returns what ends it.
func (p *Progress) Start() (stop func()) {
	if !p.live {
		return func() {}
	}
	ticker := time.NewTicker(redrawEvery)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case now := <-ticker.C:
				p.out.SetStatus(p.picture(now))
			case <-quit:
				p.out.SetStatus(nil)
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

// PrintSummary is the line for the whole.
func (p *Progress) PrintSummary(from, to Location) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.UpToDate {
		p.out.Line("%s is up to date with %s", to, from)
		return
	}
	p.out.Line("copied %s to %s: %s", from, to, p.tally("sent"))
}

// PrintStoreSummary is the line for the whole, where one of both sides is the local store.
func (p *Progress) PrintStoreSummary(pulled, sent string, ref reference.Reference) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet && !p.UpToDate {
		p.out.Line("%s %s: %s", pulled, ref.Familiar(), p.tally(sent))
	}
}

// tally is what was copied, how much of it, and how long it took. Bytes that moved were sent, or whatever the word is.
func (p *Progress) tally(sent string) string {
	images := max(1, p.images)
	return fmt.Sprintf("%d image%s; %s", images, cli.Plural(images), p.moves(sent))
}

// BlobSummary is tally without the images.
func (p *Progress) BlobSummary(sent string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moves(sent)
}

func (p *Progress) moves(sent string) string {
	return fmt.Sprintf("%s; %s in %s", p.blobs(sent), cli.FormatBytes(p.moved), cli.FormatDuration(time.Since(p.began)))
}

// blobs says how the blobs came to be there.
func (p *Progress) blobs(sent string) string {
	var parts []string
	for _, part := range []struct {
		outcome blob.Outcome
		word    string
	}{{blob.Uploaded, sent}, {blob.Mounted, "mounted"}, {blob.Exists, "there already"}} {
		if n := p.count[part.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, part.word))
		}
	}
	if len(parts) == 0 {
		return "no blobs"
	}
	return "blobs: " + strings.Join(parts, ", ")
}
