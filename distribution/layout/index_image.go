package layout

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// IndexImage is index.json itself as one image, whose platforms are its entries. Some tools write
// an image that way, and crane push --index pushes it so. It is for reading only. If something is
// not there, the error is fs.ErrNotExist.
type IndexImage struct {
	Root manifest.Manifest // index.json, byte for byte

	path  string
	store BlobStore

	once      sync.Once // fills what follows
	referrers map[blob.Digest][]manifest.Descriptor
}

// IndexImage returns the index.json of an image layout as an image. An archive without an index.json
// is fs.ErrNotExist; a file that is no image index, or has more than manifest.MaxSize bytes, is a
// *[manifest.DocumentError].
func (a *Archive) IndexImage() (*IndexImage, error) {
	if at := a.members.files[indexFile]; at.size > manifest.MaxSize {
		return nil, fmt.Errorf("%s: %s: %w", a, indexFile, &manifest.DocumentError{Err: manifest.ErrTooLarge})
	}
	raw, err := a.members.document(indexFile, manifest.MaxSize)
	if err == nil && raw == nil {
		err = fmt.Errorf("%s: %s: %w", a, indexFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return newIndexImage(a.String(), a, raw)
}

// IndexImage returns the index.json of the folder as an image. One that is no image index, or has
// more than manifest.MaxSize bytes, is an error.
func (d *Dir) IndexImage() (*IndexImage, error) {
	raw, err := readFile(filepath.Join(d.path, indexFile), manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	return newIndexImage(d.path, d, raw)
}

func newIndexImage(path string, store BlobStore, raw []byte) (*IndexImage, error) {
	root, err := manifest.Parse(manifest.MediaTypeOCIIndex, raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", path, indexFile, err)
	}
	return &IndexImage{Root: root, path: path, store: store}, nil
}

// String returns the path of the folder or tar, with @index.
func (x *IndexImage) String() string { return x.path + "@index" }

// HasContent reports whether the folder or tar has a manifest or blob.
func (x *IndexImage) HasContent(d blob.Digest) bool {
	_, err := x.store.BlobSize(d)
	return err == nil
}

// Manifest returns index.json by its digest, or a manifest of the folder or tar by that. If the bytes
// do not match the digest, the error is a *[blob.MismatchError].
func (x *IndexImage) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	if ref == string(x.Root.Digest) {
		return x.Root, nil
	}
	m, err := x.manifest(ctx, manifest.Descriptor{Digest: blob.Digest(ref)})
	if err != nil {
		return m, fmt.Errorf("%s: manifest %s: %w", x, ref, err)
	}
	return m, nil
}

// manifest reads a manifest from the store. Of the descriptor only the digest and the media type are
// used.
func (x *IndexImage) manifest(ctx context.Context, d manifest.Descriptor) (manifest.Manifest, error) {
	size, err := x.store.BlobSize(d.Digest)
	if err != nil {
		return manifest.Manifest{}, err
	}
	if size > manifest.MaxSize {
		return manifest.Manifest{}, &manifest.DocumentError{Digest: d.Digest, Err: manifest.ErrTooLarge}
	}
	in, err := x.store.Blob(ctx, d, 0)
	if err != nil {
		return manifest.Manifest{}, err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, size))
	if err != nil {
		return manifest.Manifest{}, err
	}
	if err := blob.Verify(raw, d.Digest, size); err != nil {
		return manifest.Manifest{}, err
	}
	m, err := manifest.Parse(d.MediaType, raw)
	if err == nil {
		m.Digest = d.Digest // Parse computes sha256
	}
	return m, err
}

// Blob opens a blob at an offset in bytes. Of the descriptor only the digest is used. The bytes are
// not verified; the reader has to do that.
func (x *IndexImage) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	return x.store.Blob(ctx, d, offset)
}

// Referrers returns descriptors of the manifests below index.json that have that subject, sorted by
// digest. If artifactType is not "", only those of that type are returned.
func (x *IndexImage) Referrers(
	ctx context.Context, subject blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	x.once.Do(func() { x.collectReferrers(context.WithoutCancel(ctx)) })
	var out []manifest.Descriptor
	for _, d := range x.referrers[subject] {
		if artifactType == "" || d.ArtifactType == artifactType {
			out = append(out, d)
		}
	}
	return out, nil
}

func (x *IndexImage) collectReferrers(ctx context.Context) {
	x.referrers = map[blob.Digest][]manifest.Descriptor{}
	load := func(d manifest.Descriptor) (manifest.Manifest, error) {
		if d.Digest == x.Root.Digest {
			return x.Root, nil
		}
		return x.manifest(ctx, d)
	}
	// A manifest that cannot be read refers to nothing: Manifest returns the reason.
	_ = walk(x.Root.Descriptor, load, func(_ manifest.Descriptor, m manifest.Manifest, err error) error {
		if err != nil || m.Raw == nil {
			return nil
		}
		subject, err := subjectOf(m)
		if err != nil || subject == "" {
			return nil
		}
		if about, err := m.ReferrerDescriptor(); err == nil {
			x.referrers[subject] = append(x.referrers[subject], about)
		}
		return nil
	})
	for _, all := range x.referrers {
		slices.SortFunc(all, compareDigests)
	}
}

// TagNames yields nothing: the entries of an image have no tags.
func (*IndexImage) TagNames(context.Context) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}
