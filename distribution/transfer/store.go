package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Source is what images are copied from. Its methods may be called concurrently.
type Source interface {
	// Manifest returns a manifest by tag or digest, parsed and checked. The error is fs.ErrNotExist
	// if there is none.
	Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
	// Blob opens a blob at an offset in bytes from its start. The engine verifies the bytes, the
	// source need not.
	Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)
}

// Target is what images are copied to. Its methods may be called concurrently.
type Target interface {
	// HeadManifest returns the descriptor of a manifest by tag or digest. The error is
	// fs.ErrNotExist if there is none, and fs.ErrPermission if the target does not tell.
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
	// PutBlob makes sure that the target has a blob, and returns how. It calls open only when it
	// needs the bytes, verifies them, and keeps none that are wrong. from names repositories of the
	// same registry that have the blob.
	PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error)
	// PutManifest stores the bytes of a manifest, unchanged, under a tag or its digest.
	PutManifest(ctx context.Context, ref string, m manifest.Manifest) error
}

// Placer is implemented by sources and targets that are repositories of a registry. A registry can
// mount blobs from one of its repositories in another. Any other store counts as a registry of its
// own; one whose type cannot be compared with == counts as a new one in each copy.
type Placer interface {
	// Place returns a name that no other registry has, and the repository's name on the registry.
	Place() (registry, repository string)
}

// ReferrerLister is implemented by sources that can list what refers to a manifest: signatures,
// SBOMs, attestations.
type ReferrerLister interface {
	// Referrers returns the manifests whose subject is d. If artifactType is not empty, only those
	// of that type.
	Referrers(ctx context.Context, d blob.Digest, artifactType string) ([]manifest.Descriptor, error)
	// TagNames lists the tags of the image's repository. It ends with the first error.
	TagNames(ctx context.Context) iter.Seq2[string, error]
}

// Resender is implemented by targets that may not find content that they have just been given.
type Resender interface {
	// PutManifestResending is PutManifest of [Target]. If the target does not find blobs of the
	// manifest, it gets them from open once more, but for those of which open returns nil and
	// foreign layers that it does not find.
	PutManifestResending(
		ctx context.Context, ref string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
	) error
}

// putManifest puts a manifest. open opens those of its blobs that a [Resender] does not find. The
// error is what refusedError makes of it.
func putManifest(
	ctx context.Context, dst Target, ref string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	if r, ok := dst.(Resender); ok {
		return refusedError(m, r.PutManifestResending(ctx, ref, m, open))
	}
	return refusedError(m, dst.PutManifest(ctx, ref, m))
}

// BlobRejecter is implemented by sources that may have a blob from several places, such as a
// registry with mirrors.
type BlobRejecter interface {
	// RejectBlob is called when the bytes of a blob did not match it; why is a *[blob.MismatchError].
	// It reports whether the blob, opened anew, comes from another place.
	RejectBlob(d manifest.Descriptor, why error) bool
}

// RejectBlob reports whether a blob that could not be copied because of err may be had from another
// place of its source, if src is a [BlobRejecter].
func RejectBlob(src Source, d manifest.Descriptor, err error) bool {
	r, ok := src.(BlobRejecter)
	var mismatch *blob.MismatchError
	return ok && errors.As(err, &mismatch) && mismatch.Want == d.Digest && r.RejectBlob(d, mismatch)
}

// BlobMaker is implemented by sources that make some blobs while they are read, such as a bundle that has
// deltas of them. Whether such a blob is right shows at its end, so a copy puts those before all else of the
// image.
type BlobMaker interface {
	// MakesBlob returns a function that reports whether the source makes a blob, nil if it makes none.
	MakesBlob() func(d blob.Digest) bool
}

// MakesBlob returns what src.MakesBlob does if src is a [BlobMaker], otherwise nil.
func MakesBlob(src Source) func(d blob.Digest) bool {
	if m, ok := src.(BlobMaker); ok {
		return m.MakesBlob()
	}
	return nil
}

// RangeSource is implemented by sources that can open a range of a blob.
type RangeSource interface {
	// RangedBlob returns a function that opens a blob at an offset, as Blob of [Source] does, and
	// one that opens a range of it, nil if that is not possible. The two share what they learn
	// about where the bytes are.
	RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange)
}

// RangedBlob returns what src.RangedBlob does if src is [RangeSource]; otherwise src.Blob of d, and
// nil.
func RangedBlob(src Source, d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	if r, ok := src.(RangeSource); ok {
		return r.RangedBlob(d)
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) { return src.Blob(ctx, d, offset) }, nil
}

// place is a repository of a registry. It can be compared with ==, whatever type the store has.
type place struct {
	registry   any // its name, or for a store that is not [Placer] the store itself
	repository string
}

// placeOf returns where a store's blobs are. A store that cannot be compared gets another place
// with each call.
func placeOf(store any) place {
	if p, ok := store.(Placer); ok {
		registry, repository := p.Place()
		return place{registry, repository}
	}
	if !reflect.ValueOf(store).Comparable() {
		return place{registry: new(byte)}
	}
	return place{registry: store}
}

// canMountFrom reports whether blobs can be mounted in p from the other place.
func (p place) canMountFrom(other place) bool { return p.registry == other.registry && p != other }

// name returns what messages call a source or target.
func name(store any) string {
	if s, ok := store.(fmt.Stringer); ok {
		return s.String()
	}
	return "the store"
}

// imageName returns what messages call an image of a store by its tag or digest.
func imageName(store any, ref string) string {
	if d := blob.Digest(ref); d.Validate() == nil {
		return name(store) + "@" + d.Short()
	}
	return name(store) + ":" + ref
}
