package bench

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/distribution/transfer"
)

// Kind is what is measured.
type Kind string

// The kinds of work.
const (
	Push    Kind = "push"    // synthetic images into a registry
	Pull    Kind = "pull"    // images out of a registry: verified and dropped
	Copy    Kind = "copy"    // from one registry to another
	Mount   Kind = "mount"   // from one repository to another of the same registry
	Resolve Kind = "resolve" // manifests by tag: HEAD, and GET
)

// Reads tells whether the images have to be in a registry before the turn.
func (k Kind) Reads() bool { return k != Push }

// Writes tells whether a turn puts them into one.
func (k Kind) Writes() bool { return k == Push || k == Copy || k == Mount }

// Open returns a repository as a cell sees it.
type Open func(ctx context.Context, c Cell) (*distribution.Repository, error)

// Work is a kind of work on synthetic images. Each turn has an image of its own, unless it is Warm.
type Work struct {
	Kind     Kind
	Spec     synthetic.Spec
	Warm     bool   // one image for all turns, which is there already but for its tag
	Requests int    // how many manifests a turn of Resolve asks for, at least 1
	Tag      string // what tags begin with: another one in each run, or what is there of an earlier one is taken for this one's
	From, To Open   // the repositories that are read and written, where the kind does that
	// OnImage is told of each image before anything is done with it. It may be nil.
	OnImage func(*synthetic.Image)

	images  map[uint64]*synthetic.Image
	cleaner cleaner
	stocked bool
}

// Prepare implements Worker: it makes the image, and puts it where it is read from.
func (w *Work) Prepare(ctx context.Context, t Turn, c Cell) error {
	im, err := w.image(ctx, t)
	if err != nil || !w.Kind.Reads() || w.Warm && w.stocked {
		return err
	}
	repo, err := w.From(ctx, c)
	if err != nil {
		return err
	}
	engine := &transfer.Engine{OnEvent: w.cleaner.watch(repo)}
	_, err = engine.Copy(ctx, im, w.tag(t), repo, w.stockTag(t))
	w.stocked = err == nil
	w.cleaner.doubt(repo, im, err)
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
		return w.resolve(ctx, from.(*distribution.Repository), w.stockTag(t), c.Jobs)
	}
	if !w.Kind.Writes() {
		var count tally
		return w.copy(ctx, c, from, w.stockTag(t), transfer.Discard{Buffer: c.Buffer}, w.tag(t), count.event, &count)
	}
	to, err := w.To(ctx, c)
	if err != nil {
		return Moved{}, err
	}
	watch, count := w.cleaner.watch(to), tally{}
	both := func(e transfer.Event) { watch(e); count.event(e) }
	moved, err := w.copy(ctx, c, from, w.stockTag(t), to, w.tag(t), both, &count)
	w.cleaner.doubt(to, im, err)
	return moved, err
}

func (w *Work) copy(ctx context.Context, c Cell, from transfer.Source, ref string, to transfer.Target, as string, on func(transfer.Event), count *tally) (Moved, error) {
	engine := &transfer.Engine{Jobs: c.Jobs, Ranges: c.Ranges, OnEvent: on}
	_, err := engine.Copy(ctx, from, ref, to, as)
	return count.moved(), err
}

// resolve asks for a tag again and again, so many at a time; with auto as many as an engine has small things under way, of
// which there go out as many as the host takes.
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

// Clean implements Worker: it removes what the turn has put into registries, and forgets the image.
func (w *Work) Clean(ctx context.Context, t Turn, _ Cell) {
	if w.Warm {
		return
	}
	w.cleaner.clean(ctx)
	delete(w.images, w.seed(t))
}

// Close removes what is still there, and returns what could not be removed. It takes some time after ctx has ended.
func (w *Work) Close(ctx context.Context) []Left {
	ctx, stop := outlasting(ctx)
	defer stop()
	w.cleaner.clean(ctx)
	return w.cleaner.left
}

// image returns the image of a turn, and makes it where that has not been done.
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
	if w.OnImage != nil {
		w.OnImage(im)
	}
	return im, nil
}

// seed is that of a turn's image. Seeds of fewer than 33 bits have no image in common.
func (w *Work) seed(t Turn) uint64 {
	if w.Warm {
		return w.Spec.Seed
	}
	return w.Spec.Seed ^ uint64(t.Serial+1)<<32
}

// tag is what a turn's image is put under.
func (w *Work) tag(t Turn) string { return fmt.Sprintf("%s-%d", w.Tag, t.Serial) }

// stockTag is what it is read from.
func (w *Work) stockTag(t Turn) string {
	if w.Warm {
		return w.Tag
	}
	return w.tag(t)
}

// tally counts what an engine does.
type tally struct {
	bytes, blobs, present, mounted atomic.Int64
}

func (n *tally) event(e transfer.Event) {
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

func (n *tally) moved() Moved {
	return Moved{1, n.bytes.Load(), int(n.blobs.Load()), int(n.present.Load()), int(n.mounted.Load())}
}
