package bench

import (
	"cmp"
	"context"
	"fmt"
	"hash"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/transfer"
)

// Kind is a kind of work.
type Kind string

// The kinds of work.
const (
	Push    Kind = "push"    // synthetic images to a registry
	Pull    Kind = "pull"    // images from a registry, verified and dropped
	Copy    Kind = "copy"    // from one registry to another
	Mount   Kind = "mount"   // from one repository to another of the same registry
	Resolve Kind = "resolve" // HEAD and GET of manifests by tag
	Mix     Kind = "mix"     // calls at a rate, see package mix; no kind of Work
)

// Reads reports whether a turn reads from a repository.
func (k Kind) Reads() bool { return k != Push }

// Writes reports whether a turn writes to a repository.
func (k Kind) Writes() bool { return k == Push || k == Copy || k == Mount }

// Open returns a repository with the settings of a cell.
type Open func(ctx context.Context, c Cell) (*distribution.Repository, error)

// Work is a Worker on synthetic images. Each turn has its own image unless Warm is set.
type Work struct {
	Kind     Kind
	Spec     synthetic.Spec
	Warm     bool   // all turns use one image, of which the target has everything but the tag
	Requests int    // number of manifests that a turn of Resolve requests, at least 1
	Tag      string // prefix of tags; if an earlier run used it, its images are taken for this run's
	From, To Open   // the repositories to read and to write, if the kind does
	// OnImage, if not nil, gets each image before it is used.
	OnImage func(*synthetic.Image)

	images      map[uint64]*synthetic.Image
	cleaner     Cleaner
	sourceReady bool      // with Warm, From has the image
	roots       hash.Hash // of what Corpus returns
}

// Prepare implements Worker. It makes the image and puts it into From if the work reads.
func (w *Work) Prepare(ctx context.Context, t Turn, c Cell) error {
	im, err := w.image(ctx, t)
	if err != nil || !w.Kind.Reads() || w.Warm && w.sourceReady {
		return err
	}
	repo, err := w.From(ctx, c)
	if err != nil {
		return err
	}
	engine := &transfer.Engine{OnEvent: w.cleaner.Recorder(repo)}
	_, err = engine.Copy(ctx, im, w.tag(t), repo, w.sourceTag(t))
	w.sourceReady = err == nil
	w.cleaner.addUncertain(repo, im, err)
	return err
}

// Do implements Worker.
func (w *Work) Do(ctx context.Context, t Turn, c Cell) (Moved, error) {
	im, err := w.image(ctx, t)
	if err != nil {
		return Moved{}, err
	}
	var from transfer.Source = im
	if w.Kind.Reads() {
		if from, err = w.From(ctx, c); err != nil {
			return Moved{}, err
		}
	}
	if w.Kind == Resolve {
		return w.resolve(ctx, from.(*distribution.Repository), w.sourceTag(t), c.Jobs)
	}
	var n counts
	engine := &transfer.Engine{Jobs: c.Jobs, Ranges: c.Ranges, OnEvent: n.event}
	if !w.Kind.Writes() {
		_, err = engine.Copy(ctx, from, w.sourceTag(t), transfer.Discard{Buffer: c.Buffer}, w.tag(t))
		return n.moved(), err
	}
	to, err := w.To(ctx, c)
	if err != nil {
		return Moved{}, err
	}
	record := w.cleaner.Recorder(to)
	engine.OnEvent = func(e transfer.Event) { record(e); n.event(e) }
	_, err = engine.Copy(ctx, from, w.sourceTag(t), to, w.tag(t))
	w.cleaner.addUncertain(to, im, err)
	return n.moved(), err
}

// resolve requests the manifest of a tag w.Requests times, as many at a time as there are jobs.
// With auto it is transfer.SmallJobs, and the client limits the calls to what the host accepts.
func (w *Work) resolve(ctx context.Context, repo *distribution.Repository, tag string, jobs int) (Moved, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(jobs, transfer.SmallJobs))
	n := max(w.Requests, 1)
	for range n {
		group.Go(func() error {
			d, err := repo.HeadManifest(ctx, tag)
			if err != nil {
				return err
			}
			m, err := repo.Manifest(ctx, tag)
			if err == nil && m.Digest != d.Digest {
				err = fmt.Errorf("%s:%s: HEAD says %s: %w", repo, tag, d.Digest, &blob.MismatchError{Want: d.Digest, Got: m.Digest})
			}
			return err
		})
	}
	err := group.Wait()
	return Moved{Ops: n}, err
}

// Clean implements Worker. It removes what the turn has put into repositories, and drops the image.
func (w *Work) Clean(ctx context.Context, t Turn, _ Cell) {
	if w.Warm {
		return
	}
	w.cleaner.clean(ctx)
	delete(w.images, w.seed(t))
}

// Close removes what the run has put into repositories and returns what could not be removed. It
// also works for cleanupTimeout after ctx has ended.
func (w *Work) Close(ctx context.Context) []Leftover {
	return w.cleaner.Close(ctx)
}

// Corpus returns the digest of all images so far, in the order in which they were made: SHA-256 of the
// digests of their manifests, a line for each.
func (w *Work) Corpus() blob.Digest { return blob.FromHash(blob.SHA256, w.corpus()) }

func (w *Work) corpus() hash.Hash {
	if w.roots == nil {
		w.roots = blob.SHA256.New()
	}
	return w.roots
}

// image returns the image of a turn, which it makes once.
func (w *Work) image(ctx context.Context, t Turn) (*synthetic.Image, error) {
	seed := w.seed(t)
	if im := w.images[seed]; im != nil {
		return im, nil
	}
	spec := w.Spec
	spec.Seed = seed
	im, err := synthetic.New(ctx, spec)
	if err != nil {
		return nil, err
	}
	if w.images == nil {
		w.images = map[uint64]*synthetic.Image{}
	}
	w.images[seed] = im
	fmt.Fprintf(w.corpus(), "%s\n", im.Root().Digest)
	if w.OnImage != nil {
		w.OnImage(im)
	}
	return im, nil
}

// seed returns the seed of a turn's image. Runs with different seeds of up to 32 bits have no image
// in common.
func (w *Work) seed(t Turn) uint64 {
	if w.Warm {
		return w.Spec.Seed
	}
	return w.Spec.Seed ^ uint64(t.Serial+1)<<32
}

// tag returns the tag of a turn's image.
func (w *Work) tag(t Turn) string { return fmt.Sprintf("%s-%d", w.Tag, t.Serial) }

// sourceTag returns the tag of a turn's image in From.
func (w *Work) sourceTag(t Turn) string {
	if w.Warm {
		return w.Tag
	}
	return w.tag(t)
}

// counts counts an engine's events.
type counts struct {
	bytes, blobs, present, mounted atomic.Int64
}

func (n *counts) event(e transfer.Event) {
	if e.Kind != transfer.BlobDone {
		return
	}
	n.blobs.Add(1)
	switch e.Outcome {
	case blob.Exists:
		n.present.Add(1)
	case blob.Mounted:
		n.mounted.Add(1)
	case blob.Uploaded:
		n.bytes.Add(e.Descriptor.Size)
	}
}

func (n *counts) moved() Moved {
	return Moved{1, n.bytes.Load(), int(n.blobs.Load()), int(n.present.Load()), int(n.mounted.Load())}
}
