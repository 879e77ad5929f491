package transfer

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// maxParallel is how many references of one manifest are handled at once. Since most of them wait
// for a slot, it only bounds the memory that an index of 10,000 entries takes.
const maxParallel = 64

// Engine copies images. The zero value copies all platforms, with as many blobs at once as fill a
// long link. Its fields must not change once it is in use, and it must not be copied. Its methods
// may be called concurrently.
type Engine struct {
	// Jobs is how many blobs are in flight at once, over all copies. With 1 a copy does one thing
	// after the other, in the order of the documents, but for what a [BlobMaker] makes. 0 leaves it
	// to the engine: DefaultJobs blobs of blob.LargeSize bytes and more, and beside them SmallJobs
	// smaller ones, which mostly wait for answers.
	Jobs int
	// Ranges is how many ranges of each big blob are read at once, from sources that are
	// [RangeSource]. 1 reads none. 0 uses ranges where they are faster (see [blob.Ranges]), and
	// none if Jobs is 1.
	Ranges    int
	Pace      *blob.RateLimiter   // caps the rate at which all blobs together are read; nil does not
	Platforms []manifest.Platform // keep only these of an index; none keeps all
	// Available keeps only the entries of an index that the source has whole, with all that belongs
	// to them. Without it an incomplete index is an *[IncompleteError] if the source is
	// [Inventoried]; only the attestations of Platforms may be missing.
	Available bool
	// Flatten copies the one image that is left of an index, not the index. If several are left,
	// the error is ErrSeveralImages.
	Flatten bool
	// Eager lets Copy read the image's manifest from the source while it asks the target for it.
	// That saves a round trip. But an unchanged image costs the source a GET instead of a HEAD, and
	// Docker Hub counts a GET as a pull. Eager has no effect on an image by its digest, nor within
	// one registry: there the first answer brings the token for the second call.
	Eager bool
	// NoClobber makes it a *[ClobberError] to put an image under a tag that points to another one, or
	// to what is no manifest, before anything is written. The target is asked before the copy: a tag
	// that another client sets meanwhile is overwritten.
	NoClobber bool
	// Keep reports whether a tag that the target has stays as it is, whatever it points to. Its image
	// is not asked for at the source then: with a TagKept the copy is done. nil keeps none.
	Keep func(tag string) bool
	// Repair asks the target for every manifest and blob of the image, also of one that it has, and
	// puts what is missing. A [Repairer] has to show that it can give a blob out. Without Repair an
	// image whose tag is right counts as whole.
	Repair bool
	// SeparateTags lets only tags of one call of CopyTags or CopyAll go out together, not those of several
	// copies that happen to be ready at a time: the calls are then those of Jobs 1.
	SeparateTags bool
	// SkipForeign leaves out all foreign layers ([manifest.Descriptor.Distributable]). Without it
	// those that the source has are copied.
	SkipForeign bool
	// OpenURL fetches blobs that the source does not have from the URLs of their descriptors. If it is
	// nil, foreign layers that the source does not have are left out.
	OpenURL   OpenURL
	Referrers bool        // also copy what refers to the images: signatures, SBOMs, attestations
	OnEvent   func(Event) // called with each step, possibly concurrently; may be nil

	once      sync.Once
	slots     slots
	ranges    sourceRanges
	blobs     ledger
	manifests ledger
	tags      tagPuts
}

func (e *Engine) prepare() { e.once.Do(func() { e.slots = newSlots(e.Jobs) }) }

func (e *Engine) emit(ev Event) {
	if e.OnEvent != nil {
		e.OnEvent(ev)
	}
}

// Copy copies an image from src, where ref is its tag or digest, to dst under as, a tag or the
// image's digest. It returns the image's descriptor at the target. All manifests and blobs keep
// their bytes; only an index that Platforms or Available cuts down becomes another document.
//
// If the target already has that digest under as, nothing moves: without Repair the image counts as
// complete. A tag that Keep keeps is returned with what it points to, whose digest is empty if that
// is no manifest. Such an image costs one HeadManifest on each side, and none at the source if ref is its digest; see
// also Eager.
//
// Errors name the source or target they come from. They wrap the errors of the stores, a
// *[manifest.PlatformError] for a platform that the image lacks, an *[IncompleteError] for an index
// of which the source lacks content, [ErrSeveralImages],
// [ErrTargetDigest], and a *[blob.MismatchError] for content that does not match its digest. After
// an error the target's tag is unchanged.
func (e *Engine) Copy(ctx context.Context, src Source, ref string, dst Target, as string) (manifest.Descriptor, error) {
	e.prepare()
	c := e.newRun(src, dst)
	c.image = imageName(dst, as)
	defer func() { c.tag.withdraw() }()
	if err := c.resolve(ctx, ref, as); err != nil {
		return manifest.Descriptor{}, err
	}
	c.announceTag(c)
	return c.finish(ctx)
}

// kept is the outcome of an image that is not copied because of Keep.
const kept blob.Outcome = 0

// keeps reports whether Keep applies to what an image is put under, a tag or digest.
func (e *Engine) keeps(as string) bool {
	return e.Keep != nil && blob.Digest(as).Validate() != nil && e.Keep(as)
}

// tagOwner returns the owner of tags that one call of the engine announces: see SeparateTags.
func (e *Engine) tagOwner(call any) any {
	if e.SeparateTags {
		return call
	}
	return nil
}

// withManifestSlot runs f, a call for a manifest, once a slot is free.
func (e *Engine) withManifestSlot(ctx context.Context, f func() error) error {
	return e.slots.manifests.do(ctx, 0, f)
}

// getManifest reads a manifest from a source.
func (e *Engine) getManifest(ctx context.Context, src Source, ref string) (m manifest.Manifest, err error) {
	err = e.withManifestSlot(ctx, func() error {
		m, err = src.Manifest(ctx, ref)
		return err
	})
	return m, err
}

// getChild reads the manifest of an index's entry and checks it against that entry: digest, size,
// and whether it is an index. Verified digests are also why a graph of manifests has no cycles.
func (e *Engine) getChild(ctx context.Context, src Source, d manifest.Descriptor) (manifest.Manifest, error) {
	m, err := e.getManifest(ctx, src, string(d.Digest))
	if err != nil {
		return manifest.Manifest{}, err
	}
	if err := blob.Verify(m.Raw, d.Digest, d.Size); err != nil {
		return manifest.Manifest{}, fmt.Errorf("manifest on %s: %w", name(src), err)
	}
	m.Digest = d.Digest
	if manifest.IsManifest(d.MediaType) && manifest.IsIndex(d.MediaType) != manifest.IsIndex(m.MediaType) {
		err := fmt.Errorf("%w: it is %s, but the index that lists it calls it %s",
			manifest.ErrAmbiguous, m.MediaType, d.MediaType)
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), &manifest.DocumentError{Digest: m.Digest, Err: err})
	}
	return m, nil
}

// forEach calls f for each descriptor, several at once, and returns the first error. With one job
// the calls follow each other, so that a copy makes the same calls in the same order each time.
func (e *Engine) forEach(
	ctx context.Context, list []manifest.Descriptor, f func(context.Context, manifest.Descriptor) error,
) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
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

// unique drops repeated descriptors: an index may list an image twice, an image a layer. A
// descriptor with another size for the same digest stays, so that the wrong one fails.
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
