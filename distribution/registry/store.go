package registry

import (
	"context"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest"
)

// Store keeps the content of a registry. Its methods and those of its repositories may be called
// concurrently. The slices they return belong to the caller.
type Store interface {
	// Repositories returns the names of the repositories that have a manifest, sorted.
	Repositories(ctx context.Context) ([]string, error)
	// Repository returns a repository. It need not exist; the first content put into it creates it.
	Repository(name string) Repository
}

// Repository is one repository of a store. Its methods return an error that is fs.ErrNotExist if
// something does not exist, and one that is errors.ErrUnsupported or fs.ErrPermission if the store
// cannot be changed.
type Repository interface {
	// Tags returns the tags, sorted, or fs.ErrNotExist if the repository has never had a manifest.
	Tags(ctx context.Context) ([]string, error)
	// HeadManifest returns media type, digest and size of the manifest with a tag or digest.
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
	// Manifest returns the manifest with a tag or digest.
	Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
	// PutManifest stores a manifest. Its ref is either a tag for it or its digest.
	PutManifest(ctx context.Context, ref string, m manifest.Manifest) error
	// Tag tags a manifest that the repository has.
	Tag(ctx context.Context, d blob.Digest, tags ...string) error
	// DeleteTag removes a tag and keeps the manifest.
	DeleteTag(ctx context.Context, tag string) error
	// DeleteManifest removes a manifest and its tags.
	DeleteManifest(ctx context.Context, d blob.Digest) error
	// Referrers returns the descriptors of the manifests with that subject, as made by
	// manifest.Manifest.ReferrerDescriptor and sorted by digest. If artifactType is not empty it
	// returns only those of that type.
	Referrers(ctx context.Context, subject blob.Digest, artifactType string) ([]manifest.Descriptor, error)

	// HeadBlob returns the size of a blob in bytes.
	HeadBlob(ctx context.Context, d blob.Digest) (int64, error)
	// Blob opens the blob with the descriptor's digest at an offset in bytes, which is at most its
	// size.
	Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error)
	// NewUpload starts the upload of a blob whose digest will have that algorithm.
	NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error)
	// Mount adds a blob of the repository from, or of any repository if from is empty.
	Mount(ctx context.Context, d blob.Digest, from string) error
	// DeleteBlob removes a blob. Other repositories keep it. If a manifest of the repository refers
	// to it, the error is a *layout.NeededError.
	DeleteBlob(ctx context.Context, d blob.Digest) error
}

// Upload is the upload of a blob into a repository. Only one goroutine may use it at a time. It
// ends with Commit or Cancel.
type Upload interface {
	io.Writer
	// Size returns the number of bytes written so far.
	Size() int64
	// Commit makes the blob visible. If the bytes do not match the digest the error is a
	// *blob.MismatchError.
	Commit(ctx context.Context, d blob.Digest) error
	// Cancel discards the bytes.
	Cancel() error
	// Suspend frees what the upload holds, such as an open file, until it is used again. If it
	// fails, the upload goes on as before.
	Suspend() error
}

// OnDisk returns a store that keeps everything in an image layout.
func OnDisk(dir *layout.Dir) Store { return onDisk{dir} }

// onDisk adapts the methods of layout.Dir that return concrete types to Store.
type onDisk struct{ *layout.Dir }

// Repository implements Store.
func (d onDisk) Repository(name string) Repository { return onDiskRepository{d.Dir.Repository(name)} }

type onDiskRepository struct{ *layout.Repository }

// NewUpload implements Repository.
func (r onDiskRepository) NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error) {
	u, err := r.Repository.NewUpload(ctx, algorithm)
	if err != nil {
		return nil, err // a nil *layout.Upload would not be a nil Upload
	}
	return u, nil
}

// hold keeps a store from being pruned until release is called, if it is one that can be.
func hold(s Store) (release func(), err error) {
	if dir, ok := s.(interface{ Hold() (func(), error) }); ok {
		return dir.Hold()
	}
	return func() {}, nil
}
