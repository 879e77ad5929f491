package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// HeadBlob returns the size in bytes of a blob of the repository.
func (r *Repository) HeadBlob(_ context.Context, d blob.Digest) (int64, error) {
	if err := r.validate(d); err != nil {
		return 0, err
	}
	if err := r.hasLink(r.linkName(blobLinks, d)); err != nil {
		return 0, r.blobError(d, err)
	}
	info, err := r.dir.files.stat(blobName(d))
	if err != nil {
		return 0, r.blobError(d, err)
	}
	return info.Size(), nil
}

// blobError replaces the fs.ErrNotExist of a file by one that names the blob and the repository.
func (r *Repository) blobError(d blob.Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return r.notFound("blob", d)
	}
	return err
}

// Blob opens a blob of the repository at an offset in bytes. Of the descriptor only the digest is
// used. The bytes are not verified; the reader has to do that.
func (r *Repository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	if err := r.validate(d.Digest); err != nil {
		return nil, err
	}
	if err := r.hasLink(r.linkName(blobLinks, d.Digest)); err != nil {
		return nil, r.blobError(d.Digest, err)
	}
	content, err := r.dir.Blob(ctx, d, offset)
	return content, r.blobError(d.Digest, err)
}

// NeededError says that a blob cannot be deleted, since a manifest of its repository refers to it.
type NeededError struct {
	Blob, Manifest blob.Digest
}

// Error names both.
func (e *NeededError) Error() string {
	return fmt.Sprintf("manifest %s needs blob %s", e.Manifest, e.Blob)
}

// DeleteBlob removes a blob from the repository. If a manifest of the repository refers to it, the
// error is a *[NeededError].
func (r *Repository) DeleteBlob(ctx context.Context, d blob.Digest) error {
	if _, err := r.HeadBlob(ctx, d); err != nil {
		return err
	}
	if err := r.dir.checkWritable(); err != nil {
		return err
	}
	if err := r.checkUnneeded(ctx, d); err != nil {
		return err
	}
	return r.blobError(d, r.dir.removeLink(r.linkName(blobLinks, d)))
}

// checkUnneeded returns a *NeededError if a manifest of the repository refers to a blob. It skips
// damaged manifests: their images are broken anyway.
func (r *Repository) checkUnneeded(ctx context.Context, d blob.Digest) error {
	all, err := r.dir.listDigests(r.linkDir(manifestLinks))
	if err != nil {
		return err
	}
	readers := newClosure(r.dir, true)
	for _, m := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found, err := r.resolve(string(m))
		if err != nil {
			continue // deleted meanwhile
		}
		refs, _, _ := readers.references(found)
		if slices.ContainsFunc(refs, func(ref manifest.Descriptor) bool { return ref.Digest == d }) {
			return &NeededError{Blob: d, Manifest: m}
		}
	}
	return nil
}

// Mount adds a blob of another repository to this one, without a copy (distribution-spec, "Mounting
// a blob from another repository", end-11). If from is "", any blob of the folder will do.
func (r *Repository) Mount(ctx context.Context, d blob.Digest, from string) error {
	if err := r.validate(d); err != nil {
		return err
	}
	release, err := r.dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	if from == "" {
		if _, err := r.dir.files.stat(blobName(d)); err != nil {
			return r.blobError(d, err)
		}
	} else if _, err := r.dir.Repository(from).HeadBlob(ctx, d); err != nil {
		return err
	}
	return r.dir.writeLink(r.linkName(blobLinks, d), "")
}

// String returns the folder's path.
func (d *Dir) String() string { return d.path }

// BlobSize implements [BlobStore].
func (d *Dir) BlobSize(digest blob.Digest) (int64, error) {
	if err := digest.Validate(); err != nil {
		return 0, err
	}
	info, err := d.files.stat(blobName(digest))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Blob implements [BlobStore].
func (d *Dir) Blob(_ context.Context, what manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	if err := what.Digest.Validate(); err != nil {
		return nil, err
	}
	return d.files.openAt(blobName(what.Digest), offset)
}

// PutBlob makes sure that the repository has a blob. The blob is already there (blob.Exists), or
// another repository of the folder has it (blob.Mounted), or it is read from open and verified
// (blob.Uploaded). A file of another size than d's is replaced. If the content is wrong, the error is a
// *[blob.MismatchError] and nothing is kept.
func (r *Repository) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	if size, err := r.HeadBlob(ctx, d.Digest); err == nil && size == d.Size {
		return blob.Exists, nil
	}
	size, err := r.dir.BlobSize(d.Digest)
	if err == nil && size == d.Size {
		if err = r.Mount(ctx, d.Digest, ""); err == nil {
			return blob.Mounted, nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return blob.Uploaded, r.upload(ctx, d, open)
}
