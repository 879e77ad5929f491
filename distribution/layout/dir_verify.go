package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Verify reads every blob of the folder and holds it against its name, and every reference of every image in index.json
// against what is there. It reports as [Archive.Verify] does. The error is nil however much is wrong, unless the context
// is cancelled or the folder cannot be read.
func (d *Dir) Verify(ctx context.Context, report func(Check)) error {
	v := &dirVerifier{dir: d, report: report, buf: make([]byte, copyBuffer)}
	if err := v.checkBlobs(ctx); err != nil {
		return err
	}
	roots, err := d.Roots()
	if err != nil {
		return err
	}
	for _, r := range roots {
		if err := v.checkImage(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

type dirVerifier struct {
	dir    *Dir
	report func(Check)
	buf    []byte // for all that is read
}

// checkBlobs checks the blobs of the folder.
func (v *dirVerifier) checkBlobs(ctx context.Context) error {
	all, err := listDigests(filepath.Join(v.dir.path, blobsDir))
	if err != nil {
		return err
	}
	for _, d := range all {
		size, err := v.hashBlob(ctx, d)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		v.report(Check{What: "blob " + string(d), Digest: d, Size: size, Err: err})
	}
	return nil
}

// blob reads a blob and returns its size in bytes.
func (v *dirVerifier) hashBlob(ctx context.Context, d blob.Digest) (int64, error) {
	f, err := os.Open(v.dir.blobPath(d))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h := d.Algorithm().New()
	size, err := copyContext(ctx, h, f, v.buf)
	if err != nil {
		return size, err
	}
	if got := blob.FromHash(d.Algorithm(), h); got != d {
		return size, &blob.MismatchError{Want: d, Got: got, WantSize: size, GotSize: size}
	}
	return size, nil
}

// checkImage makes sure that all an entry of index.json refers to is there, and in its repository.
func (v *dirVerifier) checkImage(ctx context.Context, root Root) error {
	r := v.dir.Repository(root.Repository)
	what := "image " + root.Repository
	if root.Tag != "" {
		what += ":" + root.Tag
	}
	load := func(d manifest.Descriptor) (manifest.Manifest, error) { return r.parsed(ctx, d) }
	find := func(d manifest.Descriptor) error { return r.findBlob(ctx, d) }
	return checkImage(ctx, what, root.Descriptor, load, find, v.report)
}

// parsed returns a manifest of the repository, in a form whose references can be read.
func (r *Repository) parsed(ctx context.Context, d manifest.Descriptor) (manifest.Manifest, error) {
	m, err := r.Manifest(ctx, string(d.Digest))
	if err != nil {
		return m, err
	}
	parsed, err := manifest.Parse(m.MediaType, m.Raw)
	parsed.Digest = d.Digest // Parse computes sha256
	return parsed, err
}

// findBlob returns an error where the repository lacks a blob that a manifest refers to.
func (r *Repository) findBlob(ctx context.Context, d manifest.Descriptor) error {
	size, err := r.HeadBlob(ctx, d.Digest)
	if errors.Is(err, fs.ErrNotExist) && !d.Distributable() {
		return nil
	}
	if err != nil {
		return err
	}
	return checkSize(d, size)
}
