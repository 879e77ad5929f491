package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// BundleSource collects the images of a bundle and knows where to read each blob. It is a
// transfer.Source of them.
type BundleSource struct {
	layout.BundleContents
	ByDigest map[blob.Digest]manifest.Manifest
	from     map[blob.Digest]transfer.Source
}

// NewBundleSource returns a BundleSource without images.
func NewBundleSource() *BundleSource {
	return &BundleSource{ByDigest: map[blob.Digest]manifest.Manifest{}, from: map[blob.Digest]transfer.Source{}}
}

// Add adds an image and its referrers, under names of one repository. If name has no path they get
// no names.
func (b *BundleSource) Add(src transfer.Source, name reference.Reference, c transfer.Closure) {
	for _, m := range c.Manifests {
		if _, known := b.ByDigest[m.Digest]; !known {
			b.ByDigest[m.Digest] = m
			b.Manifests = append(b.Manifests, m)
		}
	}
	for _, d := range c.Blobs {
		if _, known := b.from[d.Digest]; !known {
			b.from[d.Digest] = src
			b.Blobs = append(b.Blobs, d)
		}
	}
	add := func(tag string, d manifest.Descriptor) {
		b.Images = append(b.Images, layout.Image{Name: entryName(name, tag, d), Descriptor: d})
	}
	add(name.Tag, c.Root.Descriptor)
	for _, r := range c.Referrers {
		add(r.Tag, r.Descriptor)
	}
}

// entryName returns the name of an entry of a bundle: with its tag, or else with its digest.
func entryName(repository reference.Reference, tag string, d manifest.Descriptor) string {
	switch {
	case repository.Path == "":
		return ""
	case tag != "":
		return repository.WithTag(tag).String()
	}
	return repository.WithDigest(d.Digest).String()
}

// String returns the source of the images, or how many there are.
func (b *BundleSource) String() string {
	sources := map[string]bool{}
	for _, src := range b.from {
		sources[fmt.Sprint(src)] = true
	}
	if len(sources) > 1 {
		return fmt.Sprintf("%d sources", len(sources))
	}
	return strings.Join(slices.Collect(maps.Keys(sources)), "")
}

// Manifest implements transfer.Source, by digest.
func (b *BundleSource) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	m, found := b.ByDigest[blob.Digest(ref)]
	if !found {
		return m, fmt.Errorf("manifest %s: %w", ref, fs.ErrNotExist)
	}
	return m, nil
}

// Blob implements transfer.Source.
func (b *BundleSource) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	src, found := b.from[d.Digest]
	if !found {
		return nil, fmt.Errorf("blob %s: %w", d.Digest, fs.ErrNotExist)
	}
	return src.Blob(ctx, d, offset)
}

// RangedBlob implements transfer.RangeSource if the blob's source does.
func (b *BundleSource) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	if src, found := b.from[d.Digest]; found {
		return transfer.RangedBlob(src, d)
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) { return b.Blob(ctx, d, offset) }, nil
}

// RejectBlob implements transfer.BlobRejecter with the blob's source.
func (b *BundleSource) RejectBlob(d manifest.Descriptor, why error) bool {
	return transfer.RejectBlob(b.from[d.Digest], d, why)
}

// HasBlob implements transfer.BlobFinder with the blob's source.
func (b *BundleSource) HasBlob(ctx context.Context, d manifest.Descriptor) (bool, error) {
	src, found := b.from[d.Digest]
	if !found {
		return false, nil
	}
	return transfer.HasBlob(ctx, src, d)
}

// BuildOn leaves out what a base has, but for the documents of signatures: they are verified at the
// far side before anything else, from the bundle alone.
func (b *BundleSource) BuildOn(base layout.Inventory) {
	documents := map[blob.Digest]bool{}
	for _, d := range b.Blobs {
		documents[d.Digest] = documents[d.Digest] || signature.IsDocument(d.MediaType)
	}
	base.Content = slices.DeleteFunc(slices.Clone(base.Content), func(c layout.Content) bool { return documents[c.Digest] })
	b.Base = &base
}

// OwnBlobs returns the blobs that the bundle contains itself: those that its base does not have, and
// deltas in the place of those that there are deltas of.
func (b *BundleSource) OwnBlobs() []manifest.Descriptor {
	var out []manifest.Descriptor
	for _, d := range b.Blobs {
		delta, isDelta := b.Deltas[d.Digest]
		_, inBase := b.Base.Find(d.Digest)
		switch {
		case inBase:
		case isDelta:
			out = append(out, manifest.Descriptor{Digest: delta.Digest, Size: delta.Size})
		default:
			out = append(out, d)
		}
	}
	return out
}

// Has reports whether a blob is among those of the images.
func (b *BundleSource) Has(d blob.Digest) bool { return b.from[d] != nil }

// AddDelta puts a delta, which is in a file, in the place of a blob.
func (b *BundleSource) AddDelta(d blob.Digest, delta layout.Delta, file string) {
	if b.Deltas == nil {
		b.Deltas = map[blob.Digest]layout.Delta{}
	}
	b.Deltas[d] = delta
	b.SetFile(delta.Digest, file)
}

// SetFile has a blob read from a file.
func (b *BundleSource) SetFile(d blob.Digest, file string) { b.from[d] = blobFile(file) }

// blobFile is a source of the blob that is in a file.
type blobFile string

// Manifest implements transfer.Source.
func (f blobFile) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	return manifest.Manifest{}, fmt.Errorf("manifest %s in %s: %w", ref, string(f), fs.ErrNotExist)
}

// Blob implements transfer.Source.
func (f blobFile) Blob(_ context.Context, _ manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	in, err := os.Open(string(f))
	if err != nil {
		return nil, err
	}
	if _, err := in.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}
