package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Verify checks that everything an entry of index.json refers to is there. Then it reads every blob
// of the folder and compares it with its digest. A blob that is larger than its descriptor says is
// not read: its file may be sparse and have no end to speak of. Verify reports as [Archive.Verify]
// does. The error is nil even if problems are found, unless the context is cancelled or the folder
// cannot be read.
func (d *Dir) Verify(ctx context.Context, report func(Check)) error {
	v := &dirVerifier{dir: d, report: report, sizes: map[blob.Digest]int64{}, buf: make([]byte, copyBuffer)}
	roots, err := d.Roots()
	if err != nil {
		return err
	}
	for _, r := range roots {
		if err := v.checkImage(ctx, r); err != nil {
			return err
		}
	}
	return v.checkBlobs(ctx)
}

// dirVerifier is the state of one Dir.Verify.
type dirVerifier struct {
	dir    *Dir
	report func(Check)
	sizes  map[blob.Digest]int64 // what the descriptors say
	buf    []byte                // for all reads
}

func (v *dirVerifier) checkBlobs(ctx context.Context) error {
	all, err := v.dir.listDigests(blobsDir)
	if err != nil {
		return err
	}
	for _, d := range all {
		size, err := v.hashBlob(ctx, d)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just been removed
		}
		v.report(Check{What: "blob " + string(d), Digest: d, Size: size, Err: err})
	}
	return nil
}

// hashBlob compares a blob with its digest and returns its size in bytes.
func (v *dirVerifier) hashBlob(ctx context.Context, d blob.Digest) (int64, error) {
	f, err := v.dir.files.open(blobName(d), os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if want, known := v.sizes[d]; known {
		info, err := f.Stat()
		if err == nil && info.Size() > want {
			err = checkSize(manifest.Descriptor{Digest: d, Size: want}, info.Size())
		}
		if err != nil {
			return 0, err
		}
	}
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

// checkImage checks that everything an entry refers to is there, and in the repository of the
// entry.
func (v *dirVerifier) checkImage(ctx context.Context, root Root) error {
	r := v.dir.Repository(root.Repository)
	what := "image " + root.Repository
	if root.Tag != "" {
		what += ":" + root.Tag
	}
	load := func(d manifest.Descriptor) (manifest.Manifest, error) {
		v.sizes[d.Digest] = d.Size
		return r.Manifest(ctx, string(d.Digest))
	}
	find := func(d manifest.Descriptor) error {
		v.sizes[d.Digest] = d.Size
		return r.findBlob(ctx, d)
	}
	return checkImage(ctx, what, root.Descriptor, load, find, v.report)
}

// findBlob returns an error if the repository lacks a blob that a manifest refers to, or has
// another size of it.
func (r *Repository) findBlob(ctx context.Context, d manifest.Descriptor) error {
	size, err := r.HeadBlob(ctx, d.Digest)
	if errors.Is(err, fs.ErrNotExist) && !d.Distributable() {
		return errLeftOut
	}
	if err != nil {
		return err
	}
	return checkSize(d, size)
}
