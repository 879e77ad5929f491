package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// copying is one image on its way.
type copying struct {
	engine    *Engine
	src       Source
	dst       Target
	from, to  place   // of src and dst
	blobs     *ledger // what has come to the target, and is on its way
	manifests *ledger
	silent    bool // nobody is told of what happens
}

// copying shares what it learns about the target with all copies of the engine.
func (e *Engine) copying(src Source, dst Target) *copying {
	return &copying{engine: e, src: src, dst: dst, from: placeOf(src), to: placeOf(dst), blobs: &e.blobs, manifests: &e.manifests}
}

// ErrTargetDigest says that an image was to be put under a digest that is another image's.
var ErrTargetDigest = errors.New("the digest of the target is not that of the image")

// under makes sure that a digest to put the image under is the image's, and returns the image by that name: it may be of
// another algorithm.
func under(dst Target, root manifest.Manifest, as string) (manifest.Manifest, error) {
	asked := blob.Digest(as)
	switch {
	case asked.Validate() != nil:
		return root, nil
	case !has(root, asked):
		return root, fmt.Errorf("%s: %w, %s", name(dst), ErrTargetDigest, root.Digest)
	}
	root.Digest = asked
	return root, nil
}

// has tells whether d is a digest of the manifest, under whatever algorithm.
func has(m manifest.Manifest, d blob.Digest) bool {
	return d == m.Digest || d.Algorithm() != m.Digest.Algorithm() && d.Validate() == nil && d.Algorithm().Digest(m.Raw) == d
}

// careful asks the target first, and then the source for no more than it takes.
func (c *copying) careful(ctx context.Context, ref, as string) (manifest.Descriptor, blob.Outcome, error) {
	have, err := c.ask(ctx, as)
	if err != nil {
		return manifest.Descriptor{}, 0, err
	}
	same, err := c.engine.unchanged(ctx, c.src, ref, have)
	if same || err != nil {
		return have.Descriptor, blob.Exists, err
	}
	root, err := c.engine.root(ctx, c.src, ref)
	if err != nil {
		return manifest.Descriptor{}, 0, err
	}
	return c.changed(ctx, root, as, have)
}

// eager asks both sides at once, or with one job the target and then the source.
func (c *copying) eager(ctx context.Context, ref, as string) (manifest.Descriptor, blob.Outcome, error) {
	var have presence
	var root manifest.Manifest
	both, inBoth := errgroup.WithContext(ctx)
	if c.engine.Jobs == 1 {
		both.SetLimit(1)
	}
	both.Go(func() (err error) { have, err = c.ask(inBoth, as); return err })
	both.Go(func() (err error) { root, err = c.engine.root(inBoth, c.src, ref); return err })
	if err := both.Wait(); err != nil {
		return manifest.Descriptor{}, 0, err
	}
	return c.changed(ctx, root, as, have)
}

// changed copies an image that the target may lack, or may have under another reference.
func (c *copying) changed(ctx context.Context, root manifest.Manifest, as string, have presence) (manifest.Descriptor, blob.Outcome, error) {
	root, err := under(c.dst, root, as)
	if err != nil {
		return manifest.Descriptor{}, 0, err
	}
	outcome, err := c.image(ctx, root, as, have, c.engine.Referrers)
	return root.Descriptor, outcome, err
}

// image puts the root and all below it, and with referrers what refers to it, before the tag names it.
func (c *copying) image(ctx context.Context, root manifest.Manifest, as string, have presence, referrers bool) (outcome blob.Outcome, err error) {
	if have.is(root) {
		outcome = blob.Exists
	} else {
		err = c.children(ctx, root, have.some)
	}
	if err == nil && referrers {
		err = c.withReferrers(ctx, root, outcome)
	}
	if err != nil || outcome == blob.Exists {
		return outcome, err
	}
	return blob.Uploaded, c.putManifest(ctx, as, root, root.Descriptor)
}

// withReferrers copies what refers to the image. The image itself is put by its digest before, since not every registry
// takes a referrer ahead of its subject, and by its tag only after.
func (c *copying) withReferrers(ctx context.Context, root manifest.Manifest, outcome blob.Outcome) error {
	if outcome != blob.Exists {
		put := func() error { return c.dst.PutManifest(ctx, string(root.Digest), root) }
		if err := c.engine.withDoc(ctx, put); err != nil {
			return err
		}
	}
	return c.referrers(ctx, root)
}

// presence is what a target has under a reference.
type presence struct {
	manifest.Descriptor      // empty where there is nothing, or nothing that can be read
	some                bool // there is something: parts of an image may be known there
}

// is tells whether it is the image.
func (p presence) is(root manifest.Manifest) bool { return p.Digest != "" && has(root, p.Digest) }

// ask asks the target what it has under the reference.
func (c *copying) ask(ctx context.Context, as string) (presence, error) {
	have, err := c.head(ctx, as)
	var unreadable *manifest.DocumentError
	switch {
	case err == nil:
		return presence{have, true}, nil
	case errors.As(err, &unreadable):
		return presence{some: true}, nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		// Hub, GitLab and Artifactory deny what does not exist; the upload shows whether it is meant.
		return presence{}, nil
	}
	return presence{}, err
}

func (c *copying) head(ctx context.Context, ref string) (d manifest.Descriptor, err error) {
	err = c.engine.withDoc(ctx, func() error {
		d, err = c.dst.HeadManifest(ctx, ref)
		return err
	})
	return d, err
}

// children puts everything that m needs.
func (c *copying) children(ctx context.Context, m manifest.Manifest, known bool) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	if !manifest.IsIndex(m.MediaType) {
		return c.engine.blobsSideBySide(ctx, refs, c.putBlob)
	}
	return c.engine.sideBySide(ctx, refs, func(ctx context.Context, d manifest.Descriptor) error { return c.child(ctx, d, known) })
}

// child puts an entry of an index, by its digest, once for all copies to this repository: an image may stand in several
// lists, and a list may be below another by a thousand ways.
func (c *copying) child(ctx context.Context, d manifest.Descriptor, known bool) error {
	claim, err := c.manifests.claim(ctx, place{registry: c.to}, d) // manifests cannot be mounted: each repository has its own
	if err != nil {
		return fmt.Errorf("manifest for %s: %w", name(c.dst), err)
	}
	if claim == nil {
		c.tellManifest(string(d.Digest), d, blob.Exists)
		return nil
	}
	err = c.claimed(ctx, d, known)
	claim.release(err == nil, d.Size)
	return err
}

// claimed puts a child that nobody else is putting. Where parts of the image are known it is asked for first; an image's
// manifest is not taken before its blobs, but an index may lack some of its entries and is looked through.
func (c *copying) claimed(ctx context.Context, d manifest.Descriptor, known bool) error {
	if known && !manifest.IsIndex(d.MediaType) {
		if have, err := c.head(ctx, string(d.Digest)); err == nil && have.Size == d.Size {
			c.tellManifest(string(d.Digest), d, blob.Exists)
			return nil
		}
	}
	m, err := c.engine.fetchChild(ctx, c.src, d)
	if err != nil {
		return err
	}
	if err := c.children(ctx, m, known); err != nil {
		return err
	}
	return c.putManifest(ctx, string(d.Digest), m, d)
}

// putManifest puts a manifest and tells of it with the descriptor d that led to it.
func (c *copying) putManifest(ctx context.Context, ref string, m manifest.Manifest, d manifest.Descriptor) error {
	err := c.engine.withDoc(ctx, func() error { return c.dst.PutManifest(ctx, ref, m) })
	if err == nil {
		c.tellManifest(ref, d, blob.Uploaded)
	}
	return err
}

// tell passes an event on.
func (c *copying) tell(ev Event) {
	if !c.silent {
		c.engine.tell(ev)
	}
}

func (c *copying) tellManifest(ref string, d manifest.Descriptor, outcome blob.Outcome) {
	c.tell(Event{Kind: ManifestDone, Target: name(c.dst), Ref: ref, Descriptor: d, Outcome: outcome})
}

// putBlob puts one config or layer.
func (c *copying) putBlob(ctx context.Context, d manifest.Descriptor) error {
	if !d.Distributable() {
		return nil // its home is the URLs in the descriptor
	}
	claim, err := c.blobs.claim(ctx, c.to, d)
	if err != nil {
		return fmt.Errorf("blob for %s: %w", name(c.dst), err)
	}
	if claim == nil {
		return nil
	}
	c.tell(Event{Kind: BlobFound, Target: name(c.dst), Descriptor: d})
	outcome, err := c.transfer(ctx, d, c.holders(claim.holders))
	verified := int64(-1)
	if outcome == blob.Uploaded {
		verified = d.Size
	}
	claim.release(err == nil, verified)
	return err
}

// holders lists the repositories that a blob may be mounted from: those this run has put it in, then the source's.
func (c *copying) holders(holders []string) []string {
	if c.from.registry == c.to.registry && c.from != c.to {
		holders = append(holders, c.from.repository)
	}
	return holders
}

// transfer lets the target have the blob once a slot is free.
func (c *copying) transfer(ctx context.Context, d manifest.Descriptor, from []string) (outcome blob.Outcome, err error) {
	calls, bytes := c.engine.slots.of(d)
	err = calls.within(ctx, d.Size, func() error {
		s := &seat{queue: bytes, size: d.Size}
		defer s.leave()
		if _, several := c.dst.(*fan); several { // an upload to one may be open before all others are ready for the bytes
			if err := s.take(ctx); err != nil {
				return err
			}
		}
		outcome, err = c.put(ctx, d, s.before(c.engine.open(c.src, c.from, d)), from)
		return err
	})
	return outcome, err
}

// put lets the target have the blob.
func (c *copying) put(ctx context.Context, d manifest.Descriptor, open blob.Open, from []string) (blob.Outcome, error) {
	ev := Event{Kind: BlobStarted, Target: name(c.dst), Descriptor: d, Meter: &blob.Meter{}}
	c.tell(ev)
	open = ev.Meter.Watch(open)
	var err error
	ev.Kind = BlobDone
	if ev.Outcome, err = c.dst.PutBlob(ctx, d, open, from...); err != nil {
		ev.Kind, ev.Outcome = BlobFailed, 0
		err = fmt.Errorf("blob %s from %s to %s: %w", d.Digest.Short(), name(c.src), name(c.dst), err)
	}
	c.tell(ev)
	return ev.Outcome, err
}
