package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// copyRun copies one image.
type copyRun struct {
	engine    *Engine
	src       Source
	dst       Target
	from, to  place   // of src and dst
	blobs     *ledger // what has arrived at the target, and what is on its way there
	manifests *ledger
	image     string      // the image's name at the target, for events of its blobs; may be empty
	quiet     bool        // emit no events of progress
	sent      atomic.Bool // the target did not have all that was put

	foreignSeen sync.Map // digests of the entries whose foreign layers were looked for

	as      string            // what the image is put under, a tag or digest; set by resolve, as what follows
	have    presence          // what the target had there
	root    manifest.Manifest // the image; only its descriptor if nothing is to be put
	outcome blob.Outcome      // of an image of which nothing is to be put: Exists or kept
	done    bool              // nothing is to be put
	tag     *tagPut           // nil unless the target puts several tags at once
	whole   blob.Digest       // the image at the source, if Platforms or Flatten made another one of it; set by getRoot
}

// newRun returns a run that shares the engine's ledgers with its other copies.
func (e *Engine) newRun(src Source, dst Target) *copyRun {
	return &copyRun{
		engine: e, src: src, dst: dst, from: placeOf(src), to: placeOf(dst), blobs: &e.blobs, manifests: &e.manifests,
	}
}

// newIsolatedRun returns a run with ledgers of its own.
func (e *Engine) newIsolatedRun(src Source, dst Target) *copyRun {
	c := e.newRun(src, dst)
	c.blobs, c.manifests = &ledger{}, &ledger{}
	return c
}

// ErrTargetDigest says that an image was to be put under the digest of another one.
var ErrTargetDigest = errors.New("the digest of the target is not that of the image")

// withDigest returns the image with the digest that it is to be put under, which may be of another
// algorithm. It is an [ErrTargetDigest] if that is not the image's digest. If as is a tag, the
// image is returned unchanged.
func withDigest(dst Target, root manifest.Manifest, as string) (manifest.Manifest, error) {
	digest := blob.Digest(as)
	switch {
	case digest.Validate() != nil:
		return root, nil
	case !hasDigest(root, digest):
		return root, fmt.Errorf("%s: %w, %s", name(dst), ErrTargetDigest, root.Digest)
	}
	root.Digest = digest
	return root, nil
}

// hasDigest reports whether d is a digest of the manifest, of whatever algorithm.
func hasDigest(m manifest.Manifest, d blob.Digest) bool {
	return d == m.Digest ||
		d.Algorithm() != m.Digest.Algorithm() && d.Validate() == nil && d.Algorithm().Digest(m.Raw) == d
}

// resolve finds out what is to be put under a tag or digest. It writes nothing.
func (c *copyRun) resolve(ctx context.Context, ref, as string) error {
	c.as = as
	run := c.targetFirst
	if c.engine.Eager && !c.engine.keeps(as) && c.from.registry != c.to.registry && blob.Digest(ref).Validate() != nil {
		run = c.bothAtOnce
	}
	if err := run(ctx, ref); err != nil || c.done {
		return err
	}
	root, err := withDigest(c.dst, c.root, as)
	if err == nil {
		err = c.engine.checkMove(c.dst, as, c.have, root)
	}
	if err != nil {
		return err
	}
	c.root = root
	return nil
}

// announceTag announces the tag that resolve has found is to be put, if any. owner stands for the call
// of the engine.
func (c *copyRun) announceTag(owner any) {
	if !c.done && !c.have.is(c.root) {
		c.tag = c.engine.tags.announce(c.engine.tagOwner(owner), c.dst, c.to, c.root.Digest, c.as)
	}
}

// finish puts what resolve has found.
func (c *copyRun) finish(ctx context.Context) (manifest.Descriptor, error) {
	d := c.root.Descriptor
	if c.done && c.outcome == kept {
		c.engine.emit(Event{Kind: TagKept, Target: name(c.dst), Ref: c.as, Descriptor: d})
		return d, nil
	}
	if !c.done {
		err := c.putMade(ctx, c.root, c.have)
		if err != nil {
			return manifest.Descriptor{}, err
		}
		if c.outcome, err = c.putImage(ctx, c.root, c.as, c.have, c.engine.Referrers); err != nil {
			return manifest.Descriptor{}, err
		}
		c.engine.reportMove(c.dst, c.as, c.have, c.root)
	}
	c.engine.emit(Event{Kind: ImageDone, Target: name(c.dst), Ref: c.as, Descriptor: d, Outcome: c.outcome})
	return d, nil
}

// targetFirst asks the target for the image, and reads it from the source only if that is needed.
func (c *copyRun) targetFirst(ctx context.Context, ref string) (err error) {
	if c.have, err = c.headImage(ctx, c.as); err != nil {
		return err
	}
	c.root.Descriptor = c.have.Descriptor
	if c.have.exists && c.engine.keeps(c.as) {
		c.done, c.outcome = true, kept
		return nil
	}
	same, err := c.engine.unchanged(ctx, c.src, ref, c.have)
	if same || err != nil {
		c.done, c.outcome = same, blob.Exists
		return err
	}
	c.root, err = c.getRoot(ctx, ref)
	return err
}

// bothAtOnce asks the target for the image while it reads the manifest from the source. With one
// job it asks the target first. If both fail, the error is the source's, whichever came first.
func (c *copyRun) bothAtOnce(ctx context.Context, ref string) error {
	var srcErr, dstErr error
	var group errgroup.Group
	dstCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.engine.Jobs == 1 {
		group.SetLimit(1)
	}
	group.Go(func() error { c.have, dstErr = c.headImage(dstCtx, c.as); return nil })
	group.Go(func() error {
		if c.root, srcErr = c.getRoot(ctx, ref); srcErr != nil {
			cancel()
		}
		return nil
	})
	_ = group.Wait()
	return cmp.Or(srcErr, dstErr)
}

// putImage puts everything below the root, then what refers to it if referrers is set, then the
// root itself.
func (c *copyRun) putImage(
	ctx context.Context, root manifest.Manifest, as string, have presence, referrers bool,
) (outcome blob.Outcome, err error) {
	switch {
	case !have.is(root):
		err = c.putChildren(ctx, root, 0, have.exists)
	case c.engine.Repair:
		return c.repairImage(ctx, root, as, referrers)
	default:
		outcome, err = c.addForeign(ctx, root, 0)
	}
	if err == nil && referrers {
		err = c.putWithReferrers(ctx, root, outcome)
	}
	if err != nil || outcome == blob.Exists {
		return outcome, err
	}
	if c.tag == nil || c.tag.tag != as {
		return blob.Uploaded, c.putManifest(ctx, as, root, root.Descriptor)
	}
	if err := c.tag.put(ctx, c.engine, c.dst, root, c.open); err != nil {
		return blob.Uploaded, err
	}
	c.sent.Store(true)
	c.manifestDone(as, root.Descriptor, blob.Uploaded)
	return blob.Uploaded, nil
}

// putWithReferrers puts what refers to the image, and before that the image itself by its digest,
// since not every registry takes a referrer ahead of its subject. The tag follows last.
func (c *copyRun) putWithReferrers(ctx context.Context, root manifest.Manifest, outcome blob.Outcome) error {
	if outcome != blob.Exists {
		if err := c.putInManifestSlot(ctx, string(root.Digest), root); err != nil {
			return err
		}
	}
	return c.putReferrers(ctx, root)
}

// presence is what a target has under a tag or digest.
type presence struct {
	manifest.Descriptor      // empty if there is nothing, or nothing that can be parsed
	exists              bool // there is something, so the target may have parts of the image
}

// is reports whether the target has the image.
func (p presence) is(root manifest.Manifest) bool { return p.Digest != "" && hasDigest(root, p.Digest) }

// headImage asks the target what it has under a tag or digest.
func (c *copyRun) headImage(ctx context.Context, as string) (presence, error) {
	have, err := c.headManifest(ctx, as)
	var unreadable *manifest.DocumentError
	switch {
	case err == nil:
		return presence{have, true}, nil
	case errors.As(err, &unreadable):
		return presence{exists: true}, nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		// Hub, GitLab and Artifactory deny what does not exist. If access really is denied, the
		// upload will fail.
		return presence{}, nil
	}
	return presence{}, err
}

func (c *copyRun) headManifest(ctx context.Context, ref string) (d manifest.Descriptor, err error) {
	err = c.engine.withManifestSlot(ctx, func() error {
		d, err = c.dst.HeadManifest(ctx, ref)
		return err
	})
	return d, err
}

// putChildren puts everything that m refers to. depth is how many indexes m lies below. With
// headFirst the target is asked for each child manifest before that is read from the source.
func (c *copyRun) putChildren(ctx context.Context, m manifest.Manifest, depth int, headFirst bool) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	if !manifest.IsIndex(m.MediaType) {
		return c.putBlobs(ctx, refs)
	}
	return c.engine.forEachBlob(ctx, refs, func(ctx context.Context, d manifest.Descriptor) error {
		if manifest.IsBlob(d.MediaType) {
			return c.putBlob(ctx, d) // BuildKit's cache is an index of blobs
		}
		return c.putChild(ctx, d, depth+1, headFirst)
	})
}

// putChild puts an entry of an index, which lies below depth indexes, by its digest, once for all copies to the repository: several
// indexes may list an image, and a thousand paths may lead to a nested index.
func (c *copyRun) putChild(ctx context.Context, d manifest.Descriptor, depth int, headFirst bool) error {
	if err := d.CheckDepth(depth); err != nil {
		return fmt.Errorf("%s: %w", name(c.src), err)
	}
	// A manifest cannot be mounted from another repository, so to the ledger each repository is a
	// registry.
	claim, err := c.manifests.claim(ctx, place{registry: c.to}, d)
	if err != nil {
		return fmt.Errorf("manifest for %s: %w", name(c.dst), err)
	}
	if claim == nil {
		c.manifestDone(string(d.Digest), d, blob.Exists)
		return nil
	}
	err = c.putClaimed(ctx, d, depth, headFirst)
	claim.release(err == nil, d.Size)
	return err
}

// putClaimed puts a child that this run has claimed. With headFirst it skips an image that the
// target has: a target takes an image manifest only after its blobs. An index may lack some of its
// entries, so its entries are checked in any case; with Repair those of any manifest.
func (c *copyRun) putClaimed(ctx context.Context, d manifest.Descriptor, depth int, headFirst bool) error {
	repair := c.engine.Repair && headFirst
	if headFirst && !repair && !manifest.IsIndex(d.MediaType) {
		if have, err := c.headManifest(ctx, string(d.Digest)); err == nil && have.Size == d.Size {
			c.manifestDone(string(d.Digest), d, blob.Exists)
			return nil
		}
	}
	m, err := c.engine.getChild(ctx, c.src, d)
	if d.MayBeBlob(err) {
		return c.putEntryBlob(ctx, d, err)
	}
	if err != nil {
		return &sourceError{err, d.Digest}
	}
	if err := c.putChildren(ctx, m, depth, headFirst); err != nil {
		return err
	}
	if repair && c.hasManifest(ctx, string(d.Digest), m) {
		c.manifestDone(string(d.Digest), d, blob.Exists)
		return nil
	}
	return c.putManifest(ctx, string(d.Digest), m, d)
}

// putEntryBlob puts an entry of an index that is no manifest at the source, for the reason noManifest,
// as a blob. If the source has no such blob either, that reason is the error.
func (c *copyRun) putEntryBlob(ctx context.Context, d manifest.Descriptor, noManifest error) error {
	err := c.putBlob(ctx, d)
	if isAbsent(err, d.Digest) {
		return &sourceError{noManifest, d.Digest}
	}
	return err
}

// putManifest puts a manifest. d is the descriptor that led to it.
func (c *copyRun) putManifest(ctx context.Context, ref string, m manifest.Manifest, d manifest.Descriptor) error {
	err := c.putInManifestSlot(ctx, ref, m)
	if err == nil {
		c.sent.Store(true)
		c.manifestDone(ref, d, blob.Uploaded)
	}
	return err
}

// putInManifestSlot puts a manifest once a slot is free.
func (c *copyRun) putInManifestSlot(ctx context.Context, ref string, m manifest.Manifest) error {
	return c.engine.withManifestSlot(ctx, func() error { return putManifest(ctx, c.dst, ref, m, c.open) })
}

// open returns what opens a blob of the source, nil for a layer that is not to be copied.
func (c *copyRun) open(d manifest.Descriptor) blob.Open {
	if c.engine.SkipForeign && !d.Distributable() {
		return nil
	}
	return c.engine.open(c.src, c.from, d)
}

func (c *copyRun) emit(ev Event) {
	if !c.quiet {
		_, ev.Several = c.dst.(*multiTarget)
		c.engine.emit(ev)
	}
}

func (c *copyRun) manifestDone(ref string, d manifest.Descriptor, outcome blob.Outcome) {
	c.emit(Event{Kind: ManifestDone, Target: name(c.dst), Ref: ref, Descriptor: d, Outcome: outcome})
}

// putBlobs puts the blobs of an image. Those that another copy is bringing come last, one after the
// other: there is only that copy to wait for.
func (c *copyRun) putBlobs(ctx context.Context, refs []manifest.Descriptor) error {
	var mu sync.Mutex
	var others []manifest.Descriptor
	err := c.engine.forEachBlob(ctx, refs, func(ctx context.Context, d manifest.Descriptor) error {
		if !c.blobs.isInFlight(c.to, d) {
			return c.putBlob(ctx, d)
		}
		mu.Lock()
		defer mu.Unlock()
		others = append(others, d)
		return nil
	})
	for len(others) > 0 && err == nil {
		err = c.putBlob(ctx, others[0])
		others = others[1:]
	}
	return err
}

// putBlob puts one config or layer, once for all copies to the repository.
func (c *copyRun) putBlob(ctx context.Context, d manifest.Descriptor) error {
	_, err := c.claimAndPutBlob(ctx, d)
	return err
}

// claimAndPutBlob does putBlob's work. The outcome is Exists if the blob is left out or another copy
// has put it.
func (c *copyRun) claimAndPutBlob(ctx context.Context, d manifest.Descriptor) (blob.Outcome, error) {
	carried, err := c.carries(ctx, d)
	if err != nil {
		return 0, err
	}
	if !carried {
		c.engine.emit(Event{Kind: BlobLeftOut, Target: name(c.dst), Descriptor: d})
		return blob.Exists, nil // clients fetch it from the URLs in the descriptor
	}
	if m, several := c.dst.(*multiTarget); several {
		return c.claimAndPutToSeveral(ctx, m, d)
	}
	claim, err := c.blobs.claim(ctx, c.to, d)
	if err != nil {
		return 0, fmt.Errorf("blob for %s: %w", name(c.dst), err)
	}
	if claim == nil {
		return blob.Exists, nil
	}
	c.emit(Event{Kind: BlobFound, Target: name(c.dst), Image: c.image, Descriptor: d})
	mountFrom := claim.holders
	if c.to.canMountFrom(c.from) {
		mountFrom = append(mountFrom, c.from.repository)
	}
	outcome, err := c.putInSlot(ctx, c.dst, d, mountFrom)
	claim.release(err == nil, verifiedSize(d, outcome))
	return outcome, err
}

// verifiedSize returns the size of a blob whose bytes the target has read and verified, otherwise -1.
func verifiedSize(d manifest.Descriptor, outcome blob.Outcome) int64 {
	if outcome == blob.Uploaded {
		return d.Size
	}
	return -1
}

// putInSlot puts a blob to dst, which is the run's target, once a slot is free. mountFrom names
// repositories that it can be mounted from.
func (c *copyRun) putInSlot(
	ctx context.Context, dst Target, d manifest.Descriptor, mountFrom []string,
) (outcome blob.Outcome, err error) {
	calls, bytes := c.engine.slots.forBlob(d)
	err = calls.do(ctx, d.Size, func() error {
		slot := &byteSlot{slots: bytes, size: d.Size}
		defer slot.release()
		if _, several := dst.(*multiTarget); several {
			// Of several targets one may have an upload open before all others are ready for the
			// bytes.
			if err := slot.take(ctx); err != nil {
				return err
			}
		}
		outcome, err = c.putWithEvents(ctx, dst, d, slot.takeOnOpen(markSource(d, c.open(d))), mountFrom)
		return err
	})
	return outcome, err
}

func (c *copyRun) putWithEvents(
	ctx context.Context, dst Target, d manifest.Descriptor, open blob.Open, mountFrom []string,
) (blob.Outcome, error) {
	ev := Event{Kind: BlobStarted, Target: name(c.dst), Image: c.image, Descriptor: d, Meter: &blob.Meter{}}
	c.emit(ev)
	var err error
	ev.Kind = BlobDone
	ev.Outcome, err = c.engine.putBlob(ctx, dst, d, ev.Meter.Wrap(open), mountFrom...)
	for RejectBlob(c.src, d, err) {
		ev.Outcome, err = c.engine.putBlob(ctx, dst, d, ev.Meter.Wrap(open), mountFrom...)
	}
	if err != nil {
		ev.Kind, ev.Outcome = BlobFailed, 0
		err = blobError(d, c.src, c.dst, err)
	}
	if ev.Outcome != blob.Exists {
		c.sent.Store(true)
	}
	c.emit(ev)
	return ev.Outcome, err
}

// sourceError is the error of a source that cannot give out a manifest or blob. It tells it from the
// target's.
type sourceError struct {
	error
	digest blob.Digest // of the manifest or blob
}

// Unwrap returns the error of the source.
func (e *sourceError) Unwrap() error { return e.error }

// markSource makes the errors of open sourceErrors.
func markSource(d manifest.Descriptor, open blob.Open) blob.Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		in, err := open(ctx, offset)
		if err != nil {
			return nil, &sourceError{err, d.Digest}
		}
		return in, nil
	}
}

// isAbsent reports whether err says that the source does not have that manifest or blob.
func isAbsent(err error, d blob.Digest) bool {
	var source *sourceError
	return errors.As(err, &source) && source.digest == d && errors.Is(source, fs.ErrNotExist)
}

// blobError says which blob could not be copied, and between which stores.
func blobError(d manifest.Descriptor, src Source, dst Target, err error) error {
	return fmt.Errorf("blob %s from %s to %s: %w", d.Digest.Short(), name(src), name(dst), err)
}
