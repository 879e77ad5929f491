package registry

import (
	"context"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest"
)

// Store keeps the content of a registry. Its methods, and those of its repositories, may be called concurrently, and
// the slices they return are the caller's.
type Store interface {
	// Repositories returns the names of the repositories that hold a manifest, sorted.
	Repositories(ctx context.Context) ([]string, error)
	// Repository returns a repository, which need not exist: what is put into it brings it into being.
	Repository(name string) Repository
}

// Repository is what a registry keeps under one name. An error that is fs.ErrNotExist says that something is not
// there, fs.ErrPermission or errors.ErrUnsupported that a store does not let itself be changed.
type Repository interface {
	// Tags returns the tags, sorted; fs.ErrNotExist where the repository holds no manifest.
	Tags(ctx context.Context) ([]string, error)
	// HeadManifest returns media type, digest and size of the manifest with a tag or digest.
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
	// Manifest returns the manifest with a tag or digest.
	Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
	// PutManifest keeps a manifest, and puts a tag on it where ref is one; otherwise ref is its digest.
	PutManifest(ctx context.Context, ref string, m manifest.Manifest) error
	// Tag puts tags on a manifest that is there.
	Tag(ctx context.Context, d blob.Digest, tags ...string) error
	// Untag removes a tag. The manifest stays.
	Untag(ctx context.Context, tag string) error
	// DeleteManifest removes a manifest and its tags.
	DeleteManifest(ctx context.Context, d blob.Digest) error
	// Referrers returns descriptors of the manifests with that subject, as manifest.Manifest.Referrer makes them, sorted by digest;
	// only those of artifactType where that is not empty.
	Referrers(ctx context.Context, subject blob.Digest, artifactType string) ([]manifest.Descriptor, error)

	// HeadBlob returns the size of a blob in bytes.
	HeadBlob(ctx context.Context, d blob.Digest) (int64, error)
	// Blob opens the blob with the descriptor's digest at an offset in bytes, at most its size.
	Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)
	// NewUpload begins a blob that will be hashed with algorithm.
	NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error)
	// Mount takes over a blob from another repository, or from any where from is empty.
	Mount(ctx context.Context, d blob.Digest, from string) error
	// DeleteBlob removes a blob. Other repositories keep it.
	DeleteBlob(ctx context.Context, d blob.Digest) error
}

// Upload is a blob on its way into a repository. One goroutine at a time uses it, until Commit or Cancel.
type Upload interface {
	io.Writer
	// Size returns how many bytes have been written.
	Size() int64
	// Commit makes the blob visible. Bytes that do not match the digest are a *blob.MismatchError.
	Commit(ctx context.Context, d blob.Digest) error
	// Cancel throws the bytes away.
	Cancel() error
}

// OnDisk returns a store that keeps everything in an image layout.
func OnDisk(dir *layout.Dir) Store { return onDisk{dir} }

// onDisk gives the layout's concrete types the shape of the interfaces.
type onDisk struct{ *layout.Dir }

// Repository implements Store.
func (d onDisk) Repository(name string) Repository { return onDiskRepository{d.Dir.Repository(name)} }

type onDiskRepository struct{ *layout.Repository }

// NewUpload implements Repository.
func (r onDiskRepository) NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error) {
	u, err := r.Repository.NewUpload(ctx, algorithm)
	if err != nil {
		return nil, err // a nil *layout.Upload would be no nil Upload
	}
	return u, nil
}
