package transfer

import (
	"context"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Source is where images come from. Its methods may be called concurrently.
type Source interface {
	// Manifest returns a manifest by tag or digest, parsed and checked; one that is not there is fs.ErrNotExist.
	Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
	// Blob opens a blob at an offset in bytes from its start. Its bytes need not be verified.
	Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)
}

// Target is where images go. Its methods may be called concurrently.
type Target interface {
	// HeadManifest returns the descriptor of a manifest by tag or digest; one that is not there is fs.ErrNotExist, one that
	// must not be asked for fs.ErrPermission.
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
	// PutBlob sees to it that the target has the blob, and says how. It calls open only when it needs the bytes, verifies
	// them, and keeps none that are wrong. from names repositories of the same registry that have the blob.
	PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error)
	// PutManifest stores a manifest under a tag or its digest, byte for byte.
	PutManifest(ctx context.Context, ref string, m manifest.Manifest) error
}

// Placed is implemented by sources and targets that are repositories of a registry, which can mount blobs from one
// repository in another. Any other store counts as a registry of its own; one whose type cannot be compared with ==
// counts as a new one in each copy.
type Placed interface {
	// Place returns a name that no other registry has, and the repository's name on the registry.
	Place() (registry, repository string)
}

// Referring is implemented by sources that can tell what refers to a manifest: signatures, SBOMs, attestations.
type Referring interface {
	// Referrers returns the manifests whose subject is d, only those of artifactType where that is not empty.
	Referrers(ctx context.Context, d blob.Digest, artifactType string) ([]manifest.Descriptor, error)
	// TagNames lists the tags beside the image, up to the first error.
	TagNames(ctx context.Context) iter.Seq2[string, error]
}

// Ranged is implemented by sources that can give a part of a blob.
type Ranged interface {
	// RangedBlob returns how to open a blob at an offset, as [Source]'s Blob does, and how to open a range of it, nil
	// where that cannot be. What either learns of where the bytes are, both know.
	RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange)
}

// RangedBlob is that of a source that is [Ranged]; of another one there are no ranges.
func RangedBlob(src Source, d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	if r, ok := src.(Ranged); ok {
		return r.RangedBlob(d)
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) { return src.Blob(ctx, d, offset) }, nil
}

// place is a repository of a registry. It can be compared with ==, whatever the store is.
type place struct {
	registry   any // its name, or for a store that is not [Placed] the store itself
	repository string
}

// placeOf returns where a store's blobs are. A store that cannot be compared gets another place with each call.
func placeOf(store any) place {
	if p, ok := store.(Placed); ok {
		registry, repository := p.Place()
		return place{registry, repository}
	}
	if !reflect.ValueOf(store).Comparable() {
		return place{registry: new(byte)}
	}
	return place{registry: store}
}

// name is how messages call a source or target.
func name(store any) string {
	if s, ok := store.(fmt.Stringer); ok {
		return s.String()
	}
	return "the store"
}
