package image

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Progress prints the progress of copies on standard error: on a terminal as status lines,
// elsewhere as one line for each finished image, and one each minute. Its method Event takes the events of an engine.
type Progress struct {
	PerImage bool      // the copies have several images: print a line for each, none for its platforms
	UpToDate bool      // the target had the last image already
	Report   *Reporter // gets the events too; may be nil

	run        *run.Run
	out        *cli.Console
	quiet      bool                 // print nothing
	live       bool                 // show status lines
	onUpToDate func(transfer.Event) // gets each image that the target had already; may be nil
	began      time.Time

	mu      sync.Mutex
	found   int64                               // bytes of all blobs found so far
	done    int64                               // bytes of the finished blobs
	sent    int64                               // bytes of the finished blobs that were transferred
	count   map[blob.Outcome]int                // finished blobs by outcome
	active  map[blob.Digest]*activeBlob         // blobs in transfer
	kept    map[string]blob.Digest              // tags that --keep-existing keeps, and what they point to
	warned  map[string]bool                     // referrers that are not copied
	skipped map[string]bool                     // entries of indexes that are left out
	leftOut map[blob.Digest]manifest.Descriptor // foreign layers that are not copied
	images  int                                 // finished images of a list, without attestations
	recent  []sample                            // for the rate
}

// activeBlob is a blob in transfer.
type activeBlob struct {
	image string // that it is copied for, if the copies have several
	size  int64
	meter *blob.Meter
	since time.Time
}

const (
	// redrawEvery is the time between two updates of the status lines.
	redrawEvery = 150 * time.Millisecond
	// logEvery is the time between two lines with the total where there are no status lines.
	logEvery = time.Minute
)

// NewProgress returns the progress of a run. It prints nothing under --quiet and --plan, and no
// status lines if the run prints its calls.
func NewProgress(r *run.Run) *Progress {
	quiet := r.Quiet || r.Planning()
	noStatus := quiet || r.Verbose || r.PrintCall != nil
	p := &Progress{
		out:     r.Stderr,
		quiet:   quiet,
		live:    r.Stderr.Terminal && r.Env("TERM") != "dumb" && !noStatus,
		began:   time.Now(),
		count:   map[blob.Outcome]int{},
		active:  map[blob.Digest]*activeBlob{},
		leftOut: map[blob.Digest]manifest.Descriptor{},
		kept:    map[string]blob.Digest{},
		warned:  map[string]bool{},
		skipped: map[string]bool{},
		run:     r,
	}
	p.recent = []sample{{at: p.began}}
	if r.Planning() {
		p.onUpToDate = r.Plan.AddUpToDate
	}
	return p
}

// Event takes an event of the engine.
func (p *Progress) Event(ev transfer.Event) {
	if p.Report != nil {
		p.Report.event(ev)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev.Kind {
	case transfer.BlobFound:
		p.found += ev.Descriptor.Size
	case transfer.BlobStarted:
		b := &activeBlob{size: ev.Descriptor.Size, meter: ev.Meter, since: time.Now()}
		if p.PerImage && ev.Image != "" {
			b.image = "  " + ev.Image
		}
		p.active[ev.Descriptor.Digest] = b
	case transfer.BlobFailed:
		delete(p.active, ev.Descriptor.Digest)
	case transfer.BlobDone:
		p.blobDone(ev)
	case transfer.BlobLeftOut:
		p.blobLeftOut(ev.Descriptor)
	case transfer.ReferrerLeftOut:
		p.referrerLeftOut(ev)
	case transfer.ManifestDone:
		p.manifestDone(ev)
	case transfer.EntrySkipped:
		p.entrySkipped(ev)
	case transfer.TagMoved:
		p.tagMoved(ev)
	case transfer.TagKept:
		p.tagKept(ev)
	case transfer.ImageDone:
		p.UpToDate = ev.Outcome == blob.Exists
		p.imageDone(ev)
		if p.UpToDate && p.onUpToDate != nil {
			p.onUpToDate(ev)
		}
	}
}

// imageDone prints one of several images, unless the target had it already.
func (p *Progress) imageDone(ev transfer.Event) {
	if p.PerImage && !p.live && !p.quiet && !p.UpToDate {
		p.out.Line("%s %s: copied", ev.Target, ev.Ref)
	}
}

// entrySkipped prints an entry of an index that is left out, once for all copies.
func (p *Progress) entrySkipped(ev transfer.Event) {
	d := ev.Descriptor
	key := ev.Ref + " " + string(d.Digest)
	if p.quiet || p.skipped[key] {
		return
	}
	p.skipped[key] = true
	title := d.Digest.Short()
	if d.Platform != nil && d.AttestationFor() == "" {
		title = cli.OneLine(d.Platform.String()) + " " + title
	}
	p.out.Line("%s: left out, as its source does not have all of it", title)
}

// tagMoved prints what a tag pointed to before, by which the image there can be had again.
func (p *Progress) tagMoved(ev transfer.Event) {
	from := cmp.Or(string(ev.Descriptor.Digest), "something that is no image")
	p.run.NoteDone("%s:%s moves from %s", ev.Target, ev.Ref, from)
}

// tagKept notes a tag that --keep-existing keeps, and prints it unless it is one of several images.
func (p *Progress) tagKept(ev transfer.Event) {
	p.kept[ev.Target+" "+ev.Ref] = ev.Descriptor.Digest
	if !p.PerImage {
		p.run.NoteDone("%s:%s is there already and is kept", ev.Target, ev.Ref)
	}
	if p.onUpToDate != nil {
		p.onUpToDate(ev)
	}
}

// Kept reports whether --keep-existing has kept the tag of a target, and what that points to, which
// is "" if that is no manifest.
func (p *Progress) Kept(target transfer.Target, tag string) (blob.Digest, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.kept[fmt.Sprint(target)+" "+tag]
	return d, ok
}

// KeptCount returns how many tags --keep-existing has kept.
func (p *Progress) KeptCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}

// blobDone counts a finished blob.
func (p *Progress) blobDone(ev transfer.Event) {
	delete(p.active, ev.Descriptor.Digest)
	p.done += ev.Descriptor.Size
	p.count[ev.Outcome]++
	if ev.Outcome == blob.Uploaded {
		p.sent += ev.Descriptor.Size
	}
}

// blobLeftOut counts a foreign layer that is not copied, and prints why.
func (p *Progress) blobLeftOut(d manifest.Descriptor) {
	if _, known := p.leftOut[d.Digest]; known {
		return
	}
	p.leftOut[d.Digest] = d
	if !p.quiet {
		p.out.Line("%s", cli.OneLine(p.run.ForeignNote(d)))
	}
}

// referrerLeftOut warns of a signature or the like that is not copied, once.
func (p *Progress) referrerLeftOut(ev transfer.Event) {
	what := strings.TrimSpace(ev.Descriptor.ArtifactType + " " + string(ev.Descriptor.Digest))
	if ev.Ref != "" {
		what = ev.Ref
	}
	if p.warned[what] {
		return
	}
	p.warned[what] = true
	why := "the source lists it and does not have it"
	if subject := (*transfer.SubjectError)(nil); errors.As(ev.Err, &subject) {
		why = subject.Error()
	}
	p.run.Note("warning: referrer %s is left out: %s", cli.OneLine(what), why)
}

// manifestDone counts a finished image of a list and prints it if there are no status lines. An
// image that is no child of a list, and a referrer, have no platform here and are skipped.
func (p *Progress) manifestDone(ev transfer.Event) {
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
		how = "already there"
	}
	p.out.Line("%s %s: %s", cli.OneLine(d.Platform.String()), d.Digest.Short(), how)
}

// Start shows the status lines until stop is called. Where there are none it prints a line each minute: a log, and
// what ends a job that prints nothing, must see that a long copy goes on.
func (p *Progress) Start() (stop func()) {
	if p.quiet {
		return func() {}
	}
	every, show := logEvery, p.printTotal
	if p.live {
		every, show = redrawEvery, func(now time.Time) { p.out.SetStatus(p.statusLines(now)) }
	}
	ticker := time.NewTicker(every)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case now := <-ticker.C:
				show(now)
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

// PrintSummary prints what was copied from and to.
func (p *Progress) PrintSummary(from, to Location) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept) > 0 {
		return
	}
	if p.UpToDate {
		p.out.Line("%s is up to date with %s", to, from)
		return
	}
	p.out.Line("copied %s to %s: %s", from, to, p.imageSummary("sent"))
}

// PrintStoreSummary prints what was copied from or to the local store. verb is pulled or pushed,
// sent the participle for the blobs in transfer: sent or fetched.
func (p *Progress) PrintStoreSummary(verb, sent string, ref reference.Reference) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet && !p.UpToDate && len(p.kept) == 0 {
		p.out.Line("%s %s: %s", verb, ref.Familiar(), p.imageSummary(sent))
	}
}

// imageSummary returns the number of images, then what BlobSummary returns.
func (p *Progress) imageSummary(sent string) string {
	images := max(1, p.images)
	return fmt.Sprintf("%d image%s; %s", images, cli.Plural(images), p.blobSummary(sent))
}

// minRateBytes is how many bytes show a rate that is worth remembering.
const minRateBytes = 64 << 20

// Rate returns how many bytes of blobs were transferred per second, 0 if they are too few to tell.
func (p *Progress) Rate() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent < minRateBytes {
		return 0
	}
	return int64(float64(p.sent) / time.Since(p.began).Seconds())
}

// BlobSummary returns the number of blobs by outcome, the bytes transferred and the time. sent is
// the participle for transferred blobs: sent or fetched.
func (p *Progress) BlobSummary(sent string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blobSummary(sent)
}

func (p *Progress) blobSummary(sent string) string {
	return fmt.Sprintf("%s; %s in %s", p.blobs(sent), cli.FormatBytes(p.sent), cli.FormatDuration(time.Since(p.began)))
}

// blobs returns the number of blobs by outcome.
func (p *Progress) blobs(sent string) string {
	var counts []string
	for _, kind := range []struct {
		outcome blob.Outcome
		word    string
	}{{blob.Uploaded, sent}, {blob.Mounted, "mounted"}, {blob.Exists, "already there"}} {
		if n := p.count[kind.outcome]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, kind.word))
		}
	}
	if n := len(p.leftOut); n > 0 {
		counts = append(counts, fmt.Sprintf("%d foreign left out", n))
	}
	if len(counts) == 0 {
		return "no blobs"
	}
	return "blobs: " + strings.Join(counts, ", ")
}
