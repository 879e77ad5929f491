package distribution

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync/atomic"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Repository is one repository of a registry, as the source or the target of a copy.
// [Transport.Image] and [Transport.Repository] return one. Its methods may be called concurrently;
// it must not be copied.
type Repository struct {
	Client *Client
	Name   string     // as in URLs, such as library/halo
	Image  string     // the image in wire.Purpose, if the context of a call does not have one
	Scope  auth.Scope // part of the scope of every call, so that one token serves them all
	// ChunkSize is the most bytes of one upload call. 0 sends each blob in one PUT, and uses chunks
	// only if the registry or a broken connection requires them.
	ChunkSize int64
	// AlwaysPatch always sends blobs with PATCH and closes the upload with an empty PUT, as docker
	// does.
	AlwaysPatch bool
	// Registry is the registry as references name it, such as docker.io. Mirrors are told it; Client.Host
	// if empty.
	Registry string
	// Mirrors are asked for manifests and blobs, in order, before the registry itself. They are for a
	// source alone: what a mirror has says nothing about what a target has. Tags and referrers are listed
	// by the registry, and writes go to it.
	Mirrors []*Mirror
	// OnMirror is told who has served each manifest and blob if there are mirrors. It may be called
	// concurrently, and may be nil.
	OnMirror func(MirrorEvent)
	// Journal keeps the uploads of large blobs for the next process; nil keeps none.
	Journal Journal
	// OnResume is told that an upload goes on at an offset in bytes where an earlier process has left it.
	// It may be called concurrently, and may be nil.
	OnResume func(d blob.Digest, offset int64)
	// Target says for a record that images are copied here: a manifest or blob that is asked for by
	// HEAD may be missing.
	Target bool

	mirror    *Mirror     // that this is the repository on; nil on the registry itself
	namespace string      // the registry that the mirror is asked for
	mirrorUse mirrorUse   // of Mirrors
	inUse     atomic.Bool // a HEAD has found a manifest, so there may be blobs too
}

// String returns host/name.
func (r *Repository) String() string { return r.Client.Host + "/" + r.Name }

// Place returns the registry and the repository's name on it. Repositories of one registry can
// mount each other's blobs.
func (r *Repository) Place() (registry, name string) { return r.Client.Host, r.Name }

// scoped adds Scope and Image to a context.
func (r *Repository) scoped(ctx context.Context) context.Context {
	if wire.PurposeOf(ctx).Image == "" {
		ctx = wire.WithPurpose(ctx, wire.Purpose{Image: r.Image})
	}
	return auth.WithScope(withNamespace(ctx, r.namespace), r.Client.Host, r.Scope)
}

// asking says for a record that what a HEAD asks a target for may be missing.
func (r *Repository) asking(ctx context.Context) context.Context {
	if r.Target {
		return asking(ctx)
	}
	return ctx
}

// Manifest fetches a manifest by tag or digest; see [Client.GetManifest].
func (r *Repository) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	return readFrom(ctx, r, content{tag: isTag(ref)},
		func(ctx context.Context, at *Repository) (manifest.Manifest, error) {
			return at.Client.GetManifest(ctx, at.Name, ref)
		})
}

func isTag(ref string) bool { return blob.Digest(ref).Validate() != nil }

// HeadManifest returns the descriptor of a manifest by tag or digest; see [Client.HeadManifest].
func (r *Repository) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	d, err := readFrom(r.asking(ctx), r, content{tag: isTag(ref)},
		func(ctx context.Context, at *Repository) (manifest.Descriptor, error) {
			return at.Client.HeadManifest(ctx, at.Name, ref)
		})
	if err == nil {
		r.inUse.Store(true)
	}
	return d, err
}

// Blob opens a blob at an offset in bytes; see [Client.GetBlob]. It does not fetch content that the
// descriptor itself has. A response for a blob of another size is a *[blob.MismatchError].
func (r *Repository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	open, _ := r.RangedBlob(d)
	return open(ctx, offset)
}

// RangedBlob returns a function that opens a blob at an offset, as Blob does, and one that opens a
// range of it; see [RangedBlob].
func (r *Repository) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	if len(r.Mirrors) > 0 {
		b := &mirroredBlob{repo: r, blob: d}
		return b.open, b.openRange
	}
	return r.rangedBlobHere(d)
}

// rangedBlobHere is RangedBlob without mirrors.
func (r *Repository) rangedBlobHere(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	b := r.Client.RangedBlob(r.Name, d.Digest)
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		if int64(len(d.Data)) == d.Size && offset <= d.Size {
			return io.NopCloser(bytes.NewReader(d.Data[offset:])), nil
		}
		if d.Size-offset >= blob.LargeSize {
			ctx = wire.WithLargeBody(ctx)
		}
		body, size, err := b.Open(r.scoped(ctx), offset)
		if err != nil {
			return nil, err
		}
		if size >= 0 && size != d.Size {
			body.Close()
			return nil, fmt.Errorf("%s: %w", r, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: size})
		}
		return body, nil
	}
	return open, func(ctx context.Context, part blob.Range) (io.ReadCloser, bool, error) {
		return b.OpenRange(r.scoped(ctx), part)
	}
}

// HeadBlob returns the size of a blob in bytes, -1 if the registry does not say; see
// [Client.HeadBlob].
func (r *Repository) HeadBlob(ctx context.Context, d blob.Digest) (int64, error) {
	return readFrom(r.asking(ctx), r, content{digest: d}, func(ctx context.Context, at *Repository) (int64, error) {
		return at.Client.HeadBlob(ctx, at.Name, d)
	})
}

// HasBlob reports whether the repository has a blob with that digest and size, which it must tell;
// see [Client.HeadBlob]. An error may be fs.ErrPermission, also for a repository that does not exist.
func (r *Repository) HasBlob(ctx context.Context, d manifest.Descriptor) (bool, error) {
	size, err := r.HeadBlob(ctx, d.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && size == d.Size, err
}

// PutManifest stores a manifest under a tag or its digest; see [Client.PutManifest]. If the
// manifest has a subject and the registry does not list referrers, PutManifest updates the
// referrers tag.
func (r *Repository) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	_, err := r.putManifest(ctx, ref, m)
	return err
}

// putManifest is PutManifest, with a digest also under tags. It returns those of them that are set.
func (r *Repository) putManifest(
	ctx context.Context, ref string, m manifest.Manifest, tags ...string,
) (set []string, err error) {
	ctx = r.scoped(ctx)
	stored, err := r.Client.PutManifest(ctx, r.Name, ref, m, tags...)
	if err != nil || stored.Subject {
		return stored.Tags, err
	}
	subject, err := m.Subject()
	if err != nil || subject == nil {
		return stored.Tags, err
	}
	return stored.Tags, r.Client.addReferrer(ctx, r.Name, subject.Digest, m)
}

// DeleteManifest removes a manifest and its tags; see [Client.DeleteManifest].
func (r *Repository) DeleteManifest(ctx context.Context, d blob.Digest) error {
	return r.Client.DeleteManifest(r.scoped(ctx), r.Name, string(d))
}

// DeleteBlob removes a blob from the repository; see [Client.DeleteBlob].
func (r *Repository) DeleteBlob(ctx context.Context, d blob.Digest) error {
	return r.Client.DeleteBlob(r.scoped(ctx), r.Name, d)
}

// Referrers returns the manifests whose subject is d; see [Client.Referrers].
func (r *Repository) Referrers(ctx context.Context, d blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
	return r.Client.Referrers(r.scoped(ctx), r.Name, d, artifactType)
}

// TagNames lists the repository's tags; see [Client.Tags].
func (r *Repository) TagNames(ctx context.Context) iter.Seq2[string, error] {
	return r.Client.Tags(r.scoped(ctx), r.Name, Page{})
}
