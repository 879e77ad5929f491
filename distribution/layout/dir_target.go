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

// String returns the folder and the repository's name.
func (r *Repository) String() string { return r.dir.path + ":" + r.name }

// Place returns the folder and the repository's name: its repositories share blobs.
func (r *Repository) Place() (registry, name string) { return r.dir.path, r.name }

// PutBlob sees to it that the repository has a blob: it is there, another repository of the folder has it, or it is
// read from open and verified. from names repositories of the folder that have the blob; any other one that has it will
// do too. Wrong content is a *[blob.MismatchError], and nothing of it is kept.
func (r *Repository) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error) {
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

// write stores a blob's bytes.
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

// TagNames lists the repository's tags, sorted.
func (r *Repository) TagNames(ctx context.Context) iter.Seq2[string, error] {
	return tagNames(ctx, r.Tags)
}

// tagNames lists what Tags returns.
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
