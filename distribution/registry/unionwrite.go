package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// change returns the repository that takes changes.
func (r *unionRepository) change() (Repository, error) {
	if r.writable == nil {
		return nil, fmt.Errorf("repository %s is only read: %w", r.name, errors.ErrUnsupported)
	}
	return r.writable, nil
}

// PutManifest implements Repository. What the manifest needs and only other stores have is copied first, so that the
// writable one is whole without them.
func (r *unionRepository) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	to, err := r.change()
	if err != nil {
		return err
	}
	if err := r.bring(ctx, m); err != nil {
		return err
	}
	return to.PutManifest(ctx, ref, m)
}

// bring copies what a manifest needs into the writable store. What is nowhere is no error here.
func (r *unionRepository) bring(ctx context.Context, m manifest.Manifest) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		if manifest.IsManifest(d.MediaType) {
			err = r.bringManifest(ctx, d.Digest)
		} else {
			err = r.bringBlob(ctx, d.Digest, r)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (r *unionRepository) bringManifest(ctx context.Context, d blob.Digest) error {
	if _, err := r.writable.HeadManifest(ctx, string(d)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m, err := r.Manifest(ctx, string(d))
	if err != nil {
		return err
	}
	return r.PutManifest(ctx, string(d), m)
}

// bringBlob copies a blob of another repository, or of this one in another store.
func (r *unionRepository) bringBlob(ctx context.Context, d blob.Digest, from Repository) error {
	if _, err := r.writable.HeadBlob(ctx, d); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	size, err := from.HeadBlob(ctx, d)
	if err != nil {
		return err
	}
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return from.Blob(ctx, manifest.Descriptor{Digest: d, Size: size}, offset)
	}
	upload, err := r.writable.NewUpload(ctx, d.Algorithm())
	if err != nil {
		return err
	}
	content := blob.NewReader(ctx, d, size, open)
	defer content.Close()
	if _, err := io.Copy(upload, content); err != nil {
		return errors.Join(err, upload.Cancel())
	}
	return upload.Commit(ctx, d)
}

// Tag implements Repository.
func (r *unionRepository) Tag(ctx context.Context, d blob.Digest, tags ...string) error {
	to, err := r.change()
	if err != nil {
		return err
	}
	return to.Tag(ctx, d, tags...)
}

// Untag implements Repository. A tag that another store has too shows as it is there from then on.
func (r *unionRepository) Untag(ctx context.Context, tag string) error {
	to, err := r.change()
	if err != nil {
		return err
	}
	return r.orOnlyRead(to.Untag(ctx, tag), func() error { _, err := r.HeadManifest(ctx, tag); return err })
}

// DeleteManifest implements Repository.
func (r *unionRepository) DeleteManifest(ctx context.Context, d blob.Digest) error {
	to, err := r.change()
	if err != nil {
		return err
	}
	return r.orOnlyRead(to.DeleteManifest(ctx, d), func() error { _, err := r.HeadManifest(ctx, string(d)); return err })
}

// DeleteBlob implements Repository.
func (r *unionRepository) DeleteBlob(ctx context.Context, d blob.Digest) error {
	to, err := r.change()
	if err != nil {
		return err
	}
	return r.orOnlyRead(to.DeleteBlob(ctx, d), func() error { _, err := r.HeadBlob(ctx, d); return err })
}

// orOnlyRead says of something that was not there to be deleted that it is in a store which is only read, if it is.
func (r *unionRepository) orOnlyRead(err error, look func() error) error {
	if errors.Is(err, fs.ErrNotExist) && look() == nil {
		return fmt.Errorf("in repository %s it is in a store that is only read: %w", r.name, errors.ErrUnsupported)
	}
	return err
}

// NewUpload implements Repository.
func (r *unionRepository) NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error) {
	to, err := r.change()
	if err != nil {
		return nil, err
	}
	return to.NewUpload(ctx, algorithm)
}

// Mount implements Repository. A blob that only a store has which is only read is copied.
func (r *unionRepository) Mount(ctx context.Context, d blob.Digest, from string) error {
	to, err := r.change()
	if err != nil {
		return err
	}
	err = to.Mount(ctx, d, from)
	if from == "" || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.bringBlob(ctx, d, r.union.Repository(from))
}
