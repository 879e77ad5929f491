package layout

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// String returns the path of the folder and the name of the repository.
func (r *Repository) String() string { return r.dir.path + ":" + r.name }

// Place returns the path of the folder and the name of the repository. Repositories with the same
// path share blobs.
func (r *Repository) Place() (registry, name string) { return r.dir.path, r.name }

// PutBlob makes sure that the repository has a blob. The blob is already there (blob.Exists), or
// another repository of the folder has it (blob.Mounted), or it is read from open and verified
// (blob.Uploaded). from names repositories that probably have it; all others are tried too. If the
// content is wrong, the error is a *[blob.MismatchError] and nothing is kept.
func (r *Repository) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	if size, err := r.HeadBlob(ctx, d.Digest); err == nil && size == d.Size {
		return blob.Exists, nil
	}
	for _, other := range append(append([]string(nil), from...), "") {
		err := r.Mount(ctx, d.Digest, other)
		if err == nil {
			return blob.Mounted, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	return blob.Uploaded, r.upload(ctx, d, open)
}

// upload stores the bytes of a blob.
func (r *Repository) upload(ctx context.Context, d manifest.Descriptor, open blob.Open) error {
	u, err := r.NewUpload(ctx, d.Digest.Algorithm())
	if err != nil {
		return err
	}
	in := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer in.Close()
	if _, err := io.Copy(u, in); err != nil {
		return errors.Join(err, u.Cancel())
	}
	return u.Commit(ctx, d.Digest)
}

// TagNames iterates over the tags of the repository, sorted.
func (r *Repository) TagNames(ctx context.Context) iter.Seq2[string, error] {
	return tagNames(ctx, r.Tags)
}

// tagNames makes an iterator of a method Tags.
func tagNames(ctx context.Context, list func(context.Context) ([]string, error)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		tags, err := list(ctx)
		if err != nil {
			yield("", err)
			return
		}
		for _, tag := range tags {
			if !yield(tag, nil) {
				return
			}
		}
	}
}
