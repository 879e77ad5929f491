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

// writableUnion is a repository of a Union with a writable store.
type writableUnion struct {
	merged
	union    *Union
	writable Repository
}

// PutManifest implements Repository. What the manifest refers to and only other stores have is
// copied first, so that the writable store is complete without them.
func (r writableUnion) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	if err := r.copyReferences(ctx, m); err != nil {
		return err
	}
	return r.writable.PutManifest(ctx, ref, m)
}

// copyReferences copies what a manifest refers to into the writable store. Content that no store
// has is skipped.
func (r writableUnion) copyReferences(ctx context.Context, m manifest.Manifest) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		if manifest.IsManifest(d.MediaType) {
			err = r.copyManifest(ctx, d.Digest)
		} else {
			err = r.copyBlob(ctx, d.Digest, r)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (r writableUnion) copyManifest(ctx context.Context, d blob.Digest) error {
	if _, err := r.writable.HeadManifest(ctx, string(d)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m, err := r.Manifest(ctx, string(d))
	if err != nil {
		return err
	}
	return r.PutManifest(ctx, string(d), m)
}

// copyBlob copies a blob from another repository, or from this one if only a read-only store has
// it.
func (r writableUnion) copyBlob(ctx context.Context, d blob.Digest, from Repository) error {
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
func (r writableUnion) Tag(ctx context.Context, d blob.Digest, tags ...string) error {
	return r.writable.Tag(ctx, d, tags...)
}

// DeleteTag implements Repository. If another store has the tag too, its image has that tag
// afterwards.
func (r writableUnion) DeleteTag(ctx context.Context, tag string) error {
	find := func() error { _, err := r.HeadManifest(ctx, tag); return err }
	return r.asReadOnly(r.writable.DeleteTag(ctx, tag), find)
}

// DeleteManifest implements Repository.
func (r writableUnion) DeleteManifest(ctx context.Context, d blob.Digest) error {
	find := func() error { _, err := r.HeadManifest(ctx, string(d)); return err }
	return r.asReadOnly(r.writable.DeleteManifest(ctx, d), find)
}

// DeleteBlob implements Repository.
func (r writableUnion) DeleteBlob(ctx context.Context, d blob.Digest) error {
	find := func() error { _, err := r.HeadBlob(ctx, d); return err }
	return r.asReadOnly(r.writable.DeleteBlob(ctx, d), find)
}

// asReadOnly turns the fs.ErrNotExist of a deletion into errors.ErrUnsupported if find succeeds,
// which means that a read-only store has what was to be deleted.
func (r writableUnion) asReadOnly(err error, find func() error) error {
	if errors.Is(err, fs.ErrNotExist) && find() == nil {
		return fmt.Errorf("repository %s: only a read-only store has it: %w", r.name, errors.ErrUnsupported)
	}
	return err
}

// NewUpload implements Repository.
func (r writableUnion) NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error) {
	return r.writable.NewUpload(ctx, algorithm)
}

// Mount implements Repository. A blob that only a read-only store has is copied.
func (r writableUnion) Mount(ctx context.Context, d blob.Digest, from string) error {
	err := r.writable.Mount(ctx, d, from)
	if from == "" || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.copyBlob(ctx, d, r.union.Repository(from))
}
