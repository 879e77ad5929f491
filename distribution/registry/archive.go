package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest"
)

// OnArchive returns a store that shows a bundle or another archive where it lies, under the names of
// [layout.Archive.Repositories]. It lets nothing be changed: whoever tries gets errors.ErrUnsupported.
func OnArchive(a *layout.Archive) Store { return onArchive{a} }

type onArchive struct{ *layout.Archive }

// Repository implements Store.
func (a onArchive) Repository(name string) Repository {
	return onArchiveRepository{a.Archive.Repository(name)}
}

// onArchiveRepository refuses what a layout.ArchiveRepository does not have.
type onArchiveRepository struct{ *layout.ArchiveRepository }

func (r onArchiveRepository) refuse() error {
	return fmt.Errorf("repository %s is in an archive, which is only read: %w", r.Name(), errors.ErrUnsupported)
}

// PutManifest implements Repository.
func (r onArchiveRepository) PutManifest(context.Context, string, manifest.Manifest) error {
	return r.refuse()
}

// Tag implements Repository.
func (r onArchiveRepository) Tag(context.Context, blob.Digest, ...string) error { return r.refuse() }

// Untag implements Repository.
func (r onArchiveRepository) Untag(context.Context, string) error { return r.refuse() }

// DeleteManifest implements Repository.
func (r onArchiveRepository) DeleteManifest(context.Context, blob.Digest) error { return r.refuse() }

// NewUpload implements Repository.
func (r onArchiveRepository) NewUpload(context.Context, blob.Algorithm) (Upload, error) {
	return nil, r.refuse()
}

// Mount implements Repository.
func (r onArchiveRepository) Mount(context.Context, blob.Digest, string) error { return r.refuse() }

// DeleteBlob implements Repository.
func (r onArchiveRepository) DeleteBlob(context.Context, blob.Digest) error { return r.refuse() }
