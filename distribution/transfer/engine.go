package transfer

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// width is how many of a manifest's references are looked after at once. Most of them wait for a slot: this bounds memory
// where an index has 10,000 entries.
const width = 64

// Engine copies images. The zero value copies every platform, as much at once as fills a long link. Its fields must not
// change once it is in use, and it must not be copied; its methods may be called concurrently.
type Engine struct {
	// Jobs is how many blobs are in flight at once, over all copies; with 1 a copy does one thing after the other, in the
	// order of the documents. 0 leaves it to the engine: DefaultJobs blobs of SmallBlob bytes and more, and beside them
	// SmallJobs smaller ones, since what they wait for is mostly an answer.
	Jobs int
	// Ranges is how many ranges of each big blob are read at once where the source can give such; 1 is none, and 0 finds out
	// whether they are of use, see [blob.Ranges]. With one job that is not tried.
	Ranges    int
	Pace      *blob.Pace          // caps how fast blobs are read, all together; nil does not
	Platforms []manifest.Platform // keep only these of an index; none keeps all
	Flatten   bool                // with Platforms: copy a single image that is left as itself, not as a list of one
	// Eager lets Copy read the image's manifest at the source while it asks the target what it has. That saves a round trip,
	// and where nothing has changed the source answers a GET in place of a HEAD, which Docker Hub counts as a pull. It is not
	// done for an image by its digest, nor within a registry: there the first answer brings the token for the second call.
	Eager     bool
	Referrers bool        // also copy what refers to the images: signatures, SBOMs, attestations
	OnEvent   func(Event) // told of each step; may be called concurrently; nil is not told

	once      sync.Once
	slots     slots
	ranges    rangesOf
	blobs     ledger
	manifests ledger
}

func (e *Engine) prepare() { e.once.Do(func() { e.slots = newSlots(e.Jobs) }) }

func (e *Engine) tell(ev Event) {
	if e.OnEvent != nil {
		e.OnEvent(ev)
	}
}

// Copy brings the image that ref names at the source to the target under as, a tag or the image's digest, and returns
// its descriptor there. Every manifest and blob keeps its bytes; only an index of which Platforms keep a part is
// another document. If the target has that digest under that tag already, nothing moves: it is taken for whole. A whole
// image that is there already costs one HeadManifest on each side, and none at the source where ref is its digest; see Eager.
//
// Errors say on which source or target; in them are those of the stores, a *[manifest.PlatformError] for a platform
// that the image lacks, [ErrSeveral] and [ErrTargetDigest], and a *[blob.MismatchError] for content that is not what its
// digest says. After an error the target has no new tag.
func (e *Engine) Copy(ctx context.Context, src Source, ref string, dst Target, as string) (manifest.Descriptor, error) {
	e.prepare()
	c := e.copying(src, dst)
	how := c.careful
	if e.Eager && c.from.registry != c.to.registry && blob.Digest(ref).Validate() != nil {
		how = c.eager
	}
	d, outcome, err := how(ctx, ref, as)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	e.tell(Event{Kind: ImageDone, Target: name(dst), Ref: as, Descriptor: d, Outcome: outcome})
	return d, nil
}

// withDoc runs f, a call for a manifest, once a slot is free.
func (e *Engine) withDoc(ctx context.Context, f func() error) error {
	return e.slots.manifests.within(ctx, 0, f)
}

// fetch reads a manifest from a source.
func (e *Engine) fetch(ctx context.Context, src Source, ref string) (m manifest.Manifest, err error) {
	err = e.withDoc(ctx, func() error {
		m, err = src.Manifest(ctx, ref)
		return err
	})
	return m, err
}

// fetchChild reads the manifest of an index's entry and holds it against that: digest, size, and whether it is an index.
// That a digest is verified is also why a graph of manifests has no circles.
func (e *Engine) fetchChild(ctx context.Context, src Source, d manifest.Descriptor) (manifest.Manifest, error) {
	m, err := e.fetch(ctx, src, string(d.Digest))
	if err != nil {
		return manifest.Manifest{}, err
	}
	if err := blob.Verify(m.Raw, d.Digest, d.Size); err != nil {
		return manifest.Manifest{}, fmt.Errorf("manifest on %s: %w", name(src), err)
	}
	m.Digest = d.Digest
	if manifest.IsManifest(d.MediaType) && manifest.IsIndex(d.MediaType) != manifest.IsIndex(m.MediaType) {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), &manifest.DocumentError{Digest: m.Digest,
			Err: fmt.Errorf("%w: it is %s, but the index that lists it calls it %s", manifest.ErrAmbiguous, m.MediaType, d.MediaType)})
	}
	return m, nil
}

// sideBySide calls f for each descriptor, several at once, and returns the first error. With one job it is one after the
// other, so that a copy makes the same calls in the same order each time.
func (e *Engine) sideBySide(ctx context.Context, list []manifest.Descriptor, f func(context.Context, manifest.Descriptor) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	if e.Jobs == 1 {
		group.SetLimit(1)
	}
	for _, d := range unique(list) {
		if groupCtx.Err() != nil {
			group.Go(func() error { return context.Cause(ctx) })
			break
		}
		group.Go(func() error { return f(groupCtx, d) })
	}
	return group.Wait()
}

// unique leaves out descriptors of the same content: a list may name an image twice, an image a layer. One of another
// size stays, since it cannot be right.
func unique(list []manifest.Descriptor) []manifest.Descriptor {
	type content struct {
		digest blob.Digest
		size   int64
	}
	seen := map[content]bool{}
	var out []manifest.Descriptor
	for _, d := range list {
		if key := (content{d.Digest, d.Size}); !seen[key] {
			seen[key] = true
			out = append(out, d)
		}
	}
	return out
}
