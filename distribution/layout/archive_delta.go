package layout

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/blob/delta"
	"github.com/hczjl/transship/manifest"
)

// maxDeltaChain is how many bundles may build on one another with deltas of one blob.
const maxDeltaChain = 64

// chainKey is the context key of how many deltas are being applied already.
type chainKey struct{}

// Delta returns the delta that the bundle has in place of a blob, if it does.
func (a *Archive) Delta(d blob.Digest) (Delta, bool) {
	c, listed := a.inventory.Find(d)
	if !listed || c.Delta == nil {
		return Delta{}, false
	}
	return *c.Delta, true
}

// HasDeltas reports whether the bundle has deltas in place of blobs.
func (a *Archive) HasDeltas() bool { return a.inventory != nil && len(a.inventory.deltas()) > 0 }

// openInBase opens content that is left to the base, at an offset.
func (a *Archive) openInBase(ctx context.Context, d manifest.Descriptor, l baseBlob, offset int64) (io.ReadCloser, error) {
	if l.delta == nil {
		return l.Blob(ctx, d, offset)
	}
	base := manifest.Descriptor{Digest: l.delta.Base, Size: l.delta.BaseSize}
	return a.PatchBlob(ctx, d.Digest, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return l.Blob(ctx, base, offset)
	}, offset)
}

// PatchBlob opens a blob of which the bundle has a delta, at an offset in bytes: base opens the delta's
// base. Both are read from their beginning. The bytes are not verified; the reader has to do that. If
// delta and base do not fit, the error, also of a Read, is an *[ArchiveError] of kind [ErrDamaged].
func (a *Archive) PatchBlob(ctx context.Context, d blob.Digest, base blob.Open, offset int64) (io.ReadCloser, error) {
	c, listed := a.inventory.Find(d)
	if !listed || c.Delta == nil {
		return nil, a.notFound("blob", d)
	}
	info := *c.Delta
	at := a.deltas[info.Digest]
	if _, hashed := a.volumes.hashed[at.offset]; hashed {
		return nil, a.errorf(deltaName(info.Digest), errOnlyHashed, "%v", errOnlyHashed)
	}
	depth, _ := ctx.Value(chainKey{}).(int)
	if depth >= maxDeltaChain {
		return nil, a.errorf(deltaName(info.Digest), ErrDamaged, "more than %d deltas build on one another", maxDeltaChain)
	}
	from, err := base(context.WithValue(ctx, chainKey{}, depth+1), 0)
	if err != nil {
		return nil, err
	}
	p := &patchedBlob{archive: a, delta: info, size: c.Size, base: from}
	if err := p.start(io.NewSectionReader(a.volumes, at.offset, at.size), offset); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// patchedBlob is a blob that is made of a delta and its base.
type patchedBlob struct {
	archive *Archive
	delta   Delta
	size    int64 // in bytes
	base    io.ReadCloser
	patched *delta.Reader
}

// start begins at an offset of the blob.
func (p *patchedBlob) start(operations io.Reader, offset int64) (err error) {
	if p.patched, err = delta.Patch(p.base, operations); err != nil {
		return p.explain(err)
	}
	if n := p.patched.Size(); n != p.size {
		return p.explain(fmt.Errorf("%w: it makes %d bytes, not %d", delta.ErrDamaged, n, p.size))
	}
	if n, err := io.CopyN(io.Discard, p, offset); err != nil {
		return fmt.Errorf("it ends at byte %d of %d: %w", n, offset, err)
	}
	return nil
}

// explain names the delta if it does not fit its base.
func (p *patchedBlob) explain(err error) error {
	if errors.Is(err, delta.ErrDamaged) || errors.Is(err, delta.ErrVersion) {
		return misfitError{p.archive.errorf("", ErrDamaged, "%v; its base is %s", err, p.delta.Base.Short())}
	}
	return err
}

// misfitError is the error of a delta that does not fit its base. It is blob.ErrNoProgress, since both
// would be read again for nothing.
type misfitError struct{ error }

// Is reports whether target is blob.ErrNoProgress.
func (e misfitError) Is(target error) bool { return target == blob.ErrNoProgress }

// Unwrap returns what is wrong.
func (e misfitError) Unwrap() error { return e.error }

// Read implements io.Reader.
func (p *patchedBlob) Read(b []byte) (int, error) {
	n, err := p.patched.Read(b)
	return n, p.explain(err)
}

// Close implements io.Closer. Closing the base ends a Read.
func (p *patchedBlob) Close() error {
	err := p.base.Close()
	if p.patched != nil {
		p.patched.Close()
	}
	return err
}

// CheckDeltas checks the deltas of a bundle by their digests, and as [delta.Check] does, without the blobs
// that they are applied to. The error of other bytes is a *[blob.MismatchError], that of a delta that cannot
// make its blob an *[ArchiveError] of kind [ErrDamaged].
func (a *Archive) CheckDeltas(ctx context.Context) error {
	if a.inventory == nil {
		return nil
	}
	for _, c := range a.inventory.Content {
		if c.Delta == nil {
			continue
		}
		if err := a.checkDelta(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// CheckBases reads the blobs that the deltas of a bundle are applied to, as far as [Archive.SetBase] has found
// them, and compares them with their digests. The error of other bytes is a *[blob.MismatchError].
func (a *Archive) CheckBases(ctx context.Context) error {
	if a.inventory == nil {
		return nil
	}
	checked := map[blob.Digest]bool{}
	for _, c := range a.inventory.Content {
		if err := a.checkBase(ctx, c, checked); err != nil {
			return err
		}
	}
	return nil
}

// checkBase checks the blob that a delta is applied to, if it is known where that is. If it is made of a delta
// itself, that one and its base are checked: to apply both would take much longer, and tell the same.
func (a *Archive) checkBase(ctx context.Context, c Content, checked map[blob.Digest]bool) error {
	in, known := a.baseBlobs[c.Digest]
	base := c.wanted()
	if !known || c.Delta == nil || checked[base.Digest] {
		return nil
	}
	checked[base.Digest] = true
	if bundle, is := in.BlobStore.(*Archive); is {
		if found, _ := bundle.inventory.Find(base.Digest); found.Delta != nil {
			if err := bundle.checkDelta(ctx, found); err != nil {
				return err
			}
			return bundle.checkBase(ctx, found, checked)
		}
	}
	d := manifest.Descriptor{Digest: base.Digest, Size: base.Size}
	err := copyBlob(ctx, io.Discard, d, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return in.Blob(ctx, d, offset)
	})
	if err != nil {
		return fmt.Errorf("%s: the layer that %s is applied to: %w", in, deltaName(c.Delta.Digest), err)
	}
	return nil
}

// makesBlob reports whether a blob is made of a delta, also in the base.
func (a *Archive) makesBlob(d blob.Digest) bool {
	if _, is := a.Delta(d); is {
		return true
	}
	bundle, is := a.baseBlobs[d].BlobStore.(*Archive)
	if is {
		_, is = bundle.Delta(d) // or it has the blob itself: findInStores
	}
	return is
}

// checkDelta checks the delta of a blob. Its digest says more than what is wrong with its bytes.
func (a *Archive) checkDelta(ctx context.Context, c Content) error {
	at := a.deltas[c.Delta.Digest]
	r := blob.NewReader(ctx, c.Delta.Digest, c.Delta.Size, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return openSection(io.NewSectionReader(a.volumes, at.offset, at.size), c.Delta.Digest, at.size, offset)
	})
	defer r.Close()
	name := deltaName(c.Delta.Digest)
	invalid := delta.Check(r, c.Delta.BaseSize, c.Size)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("%s: %s: %w", a, name, err)
	}
	if invalid != nil {
		return a.errorf(name, ErrDamaged, "%v", invalid)
	}
	return nil
}

// checkDeltas makes every blob of which the bundle has a delta and the base is known, and compares it
// with its digest. Other deltas are checked without their bases.
func (v *archiveVerifier) checkDeltas(ctx context.Context) error {
	a := v.archive
	if a.inventory == nil {
		return nil
	}
	for _, c := range a.inventory.Content {
		if c.Delta == nil {
			continue
		}
		what, size, err := "blob "+string(c.Digest)+", made of a delta", c.Size, error(nil)
		if _, known := a.baseBlobs[c.Digest]; known {
			d := manifest.Descriptor{Digest: c.Digest, Size: c.Size}
			err = copyBlob(ctx, io.Discard, d, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
				return a.Blob(ctx, d, offset)
			})
		} else if _, hashed := a.volumes.hashed[a.deltas[c.Delta.Digest].offset]; hashed {
			continue
		} else {
			what, size = "operations of the delta of blob "+string(c.Digest), c.Delta.Size
			err = a.checkDelta(ctx, c)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v.report(Check{What: what, Digest: c.Digest, Size: size, Err: err})
	}
	return nil
}
