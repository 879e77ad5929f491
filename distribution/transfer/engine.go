package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

const (
	// DefaultJobs is how many blobs move at once unless told otherwise.
	DefaultJobs = 6
	// manifestJobs is how many manifests are fetched or put at once. They are small: this bounds connections, not bytes.
	manifestJobs = 16
)

// Engine copies images. The zero value copies every platform, six blobs at a time. Its fields must not change once it
// is in use, and it must not be copied; Copy may be called concurrently.
type Engine struct {
	Jobs      int                 // blobs in flight at once, over all copies; 0 is DefaultJobs
	Platforms []manifest.Platform // keep only these of an index; none keeps all
	Flatten   bool                // with Platforms: copy a single image that is left as itself, not as a list of one
	Referrers bool                // also copy what refers to the images: signatures, SBOMs, attestations
	OnEvent   func(Event)         // told of each step; may be called concurrently; nil is not told

	once      sync.Once
	blobSlots *semaphore.Weighted
	docSlots  *semaphore.Weighted
	blobs     ledger
}

func (e *Engine) prepare() {
	e.once.Do(func() {
		jobs := e.Jobs
		if jobs <= 0 {
			jobs = DefaultJobs
		}
		e.blobSlots = semaphore.NewWeighted(int64(jobs))
		e.docSlots = semaphore.NewWeighted(manifestJobs)
	})
}

func (e *Engine) tell(ev Event) {
	if e.OnEvent != nil {
		e.OnEvent(ev)
	}
}

// Copy brings the image that ref names at the source to the target under as, a tag or the image's digest, and returns
// its descriptor there. Every manifest and blob keeps its bytes; only an index of which Platforms keep a part is
// another document. If the target has that digest under that tag already, nothing moves.
//
// Errors say on which source or target; in them are those of the stores, a *[manifest.PlatformError] for a platform
// that the image lacks, and a *[blob.MismatchError] for content that is not what its digest says. After an error the
// target has no new tag.
func (e *Engine) Copy(ctx context.Context, src Source, ref string, dst Target, as string) (manifest.Descriptor, error) {
	e.prepare()
	root, err := e.root(ctx, src, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	c := &copying{engine: e, src: src, dst: dst}
	outcome, err := c.image(ctx, root, as)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	if e.Referrers {
		if err := c.referrers(ctx, root); err != nil {
			return manifest.Descriptor{}, err
		}
	}
	e.tell(Event{Kind: ImageDone, Target: name(dst), Ref: as, Descriptor: root.Descriptor, Outcome: outcome})
	return root.Descriptor, nil
}

// copying is one image on its way.
type copying struct {
	engine *Engine
	src    Source
	dst    Target
	known  bool // the target has content under the tag, so parts of the image may be there
}

// image puts the root and all below it.
func (c *copying) image(ctx context.Context, root manifest.Manifest, as string) (blob.Outcome, error) {
	if have, err := c.head(ctx, root, as); err != nil || have {
		return blob.Exists, err
	}
	if err := c.children(ctx, root); err != nil {
		return 0, err
	}
	return blob.Uploaded, c.putManifest(ctx, as, root, root.Descriptor)
}

// head tells whether the target has the root under that tag or digest already.
func (c *copying) head(ctx context.Context, root manifest.Manifest, as string) (bool, error) {
	if asked := blob.Digest(as); asked.Validate() == nil && asked != root.Digest {
		return false, fmt.Errorf("%s: %w, %s", name(c.dst), ErrTargetDigest, root.Digest)
	}
	have, err := c.dst.HeadManifest(ctx, as)
	switch {
	case err == nil && have.Digest == root.Digest:
		return true, nil
	case err == nil:
		c.known = true
	case errors.Is(err, fs.ErrPermission):
		// Hub, GitLab and Artifactory answer so where nothing exists; the upload shows whether it is meant.
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	return false, nil
}

// ErrTargetDigest says that an image was to be put under a digest that is another image's.
var ErrTargetDigest = errors.New("the digest of the target is not that of the image")

// children puts everything that m needs.
func (c *copying) children(ctx context.Context, m manifest.Manifest) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	each := c.putBlob
	if manifest.IsIndex(m.MediaType) {
		each = c.child
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, d := range unique(refs) {
		group.Go(func() error { return each(ctx, d) })
	}
	return group.Wait()
}

// unique leaves out descriptors of the same content: a list may name an image twice, an image a layer.
func unique(list []manifest.Descriptor) []manifest.Descriptor {
	seen := map[blob.Digest]bool{}
	var out []manifest.Descriptor
	for _, d := range list {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			out = append(out, d)
		}
	}
	return out
}

// child puts an entry of an index, by its digest.
func (c *copying) child(ctx context.Context, d manifest.Descriptor) error {
	if c.known {
		if _, err := c.dst.HeadManifest(ctx, string(d.Digest)); err == nil {
			c.tellManifest(string(d.Digest), d, blob.Exists)
			return nil // a registry takes no manifest before what it needs
		}
	}
	m, err := c.engine.fetchChild(ctx, c.src, d)
	if err != nil {
		return err
	}
	if err := c.children(ctx, m); err != nil {
		return err
	}
	return c.putManifest(ctx, string(d.Digest), m, d)
}

// putManifest puts a manifest and tells of it with the descriptor d that led to it.
func (c *copying) putManifest(ctx context.Context, ref string, m manifest.Manifest, d manifest.Descriptor) error {
	if err := c.engine.docSlots.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer c.engine.docSlots.Release(1)
	if err := c.dst.PutManifest(ctx, ref, m); err != nil {
		return err
	}
	c.tellManifest(ref, d, blob.Uploaded)
	return nil
}

func (c *copying) tellManifest(ref string, d manifest.Descriptor, outcome blob.Outcome) {
	c.engine.tell(Event{Kind: ManifestDone, Target: name(c.dst), Ref: ref, Descriptor: d, Outcome: outcome})
}

// fetch reads a manifest from a source.
func (e *Engine) fetch(ctx context.Context, src Source, ref string) (manifest.Manifest, error) {
	if err := e.docSlots.Acquire(ctx, 1); err != nil {
		return manifest.Manifest{}, context.Cause(ctx)
	}
	defer e.docSlots.Release(1)
	return src.Manifest(ctx, ref)
}

// fetchChild reads the manifest of an index's entry, which must have the size that the entry says.
func (e *Engine) fetchChild(ctx context.Context, src Source, d manifest.Descriptor) (manifest.Manifest, error) {
	m, err := e.fetch(ctx, src, string(d.Digest))
	if err == nil && m.Size != d.Size {
		err = fmt.Errorf("manifest on %s: %w", name(src),
			&blob.MismatchError{Want: d.Digest, Got: m.Digest, WantSize: d.Size, GotSize: m.Size})
	}
	return m, err
}

// putBlob puts one config or layer.
func (c *copying) putBlob(ctx context.Context, d manifest.Descriptor) error {
	if !d.Distributable() {
		return nil // its home is the URLs in the descriptor
	}
	registry, repository := place(c.dst)
	claim, done, err := c.engine.blobs.claim(ctx, registry, repository, d.Digest)
	if err != nil || done {
		return err
	}
	c.engine.tell(Event{Kind: BlobFound, Target: name(c.dst), Descriptor: d})
	err = c.transfer(ctx, d, c.holders(registry, repository, claim.holders))
	claim.release(err == nil)
	return err
}

// holders lists the repositories that a blob may be mounted from: those this run has put it in, then the source's.
func (c *copying) holders(registry any, repository string, holders []string) []string {
	from, repo := place(c.src)
	if from == registry && repo != repository {
		holders = append(holders, repo)
	}
	return holders
}

// transfer lets the target have the blob once a slot is free.
func (c *copying) transfer(ctx context.Context, d manifest.Descriptor, from []string) error {
	if err := c.engine.blobSlots.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer c.engine.blobSlots.Release(1)
	ev := Event{Kind: BlobStarted, Target: name(c.dst), Descriptor: d, Meter: &blob.Meter{}}
	c.engine.tell(ev)
	open := ev.Meter.Watch(func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return c.src.Blob(ctx, d, offset)
	})
	var err error
	ev.Kind = BlobDone
	if ev.Outcome, err = c.dst.PutBlob(ctx, d, open, from...); err != nil {
		ev.Kind = BlobFailed
		err = fmt.Errorf("blob %s from %s to %s: %w", d.Digest.Short(), name(c.src), name(c.dst), err)
	}
	c.engine.tell(ev)
	return err
}
