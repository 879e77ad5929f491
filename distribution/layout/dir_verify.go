package layout

import (
	"context"
	"errors"
	"io"
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
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		if err := v.checkBlobs(ctx, a); err != nil {
			return err
		}
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

// folder checks the blobs of one algorithm.
func (v *dirVerifier) checkBlobs(ctx context.Context, a blob.Algorithm) error {
	entries, err := os.ReadDir(filepath.Join(v.dir.path, blobsDir, string(a)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		d := blob.Digest(string(a) + ":" + e.Name())
		if d.Validate() != nil {
			continue // no blob
		}
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

// image makes sure that all an entry of index.json refers to is there, and in its repository.
func (v *dirVerifier) checkImage(ctx context.Context, root Root) error {
	r := v.dir.Repository(root.Repository)
	what := "image " + root.Repository
	if root.Tag != "" {
		what += ":" + root.Tag
	}
	load := func(d manifest.Descriptor) (manifest.Manifest, error) { return r.parsed(ctx, d) }
	problems := 0
	err := walk(root.Descriptor, load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = r.checkRef(ctx, d, m, err); err != nil {
			problems++
			v.report(Check{What: what, Digest: d.Digest, Err: err})
		}
		return nil
	})
	if err == nil && problems == 0 {
		v.report(Check{What: what, Digest: root.Digest})
	}
	return err
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

// resolves tells what is wrong with something that a manifest refers to.
func (r *Repository) checkRef(ctx context.Context, d manifest.Descriptor, m manifest.Manifest, err error) error {
	if err != nil {
		return err
	}
	if m.Raw != nil {
		return wantSize(d, m.Size)
	}
	size, err := r.HeadBlob(ctx, d.Digest)
	if errors.Is(err, fs.ErrNotExist) && !d.Distributable() {
		return nil
	}
	if err != nil {
		return err
	}
	return wantSize(d, size)
}

// copyUntil copies until the end, or until the context is cancelled.
func copyContext(ctx context.Context, w io.Writer, r io.Reader, buf []byte) (n int64, err error) {
	for ctx.Err() == nil {
		m, err := r.Read(buf)
		w.Write(buf[:m])
		n += int64(m)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, context.Cause(ctx)
}
