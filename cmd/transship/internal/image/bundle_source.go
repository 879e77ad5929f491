package image

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// BundleSource is what goes into a bundle: images that are collected, and where to read their blobs. It is a source of them.
type BundleSource struct {
	layout.Contents
	ByDigest map[blob.Digest]manifest.Manifest
	from     map[blob.Digest]transfer.Source
}

func NewBundleSource() *BundleSource {
	return &BundleSource{ByDigest: map[blob.Digest]manifest.Manifest{}, from: map[blob.Digest]transfer.Source{}}
}

// Add takes an image and what refers to it, under names of one repository. Without a name they have none.
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
	b.Images = append(b.Images, layout.Image{Name: entryName(name, name.Tag, c.Root.Descriptor), Descriptor: c.Root.Descriptor})
	for _, r := range c.Referrers {
		b.Images = append(b.Images, layout.Image{Name: entryName(name, r.Tag, r.Descriptor), Descriptor: r.Descriptor})
	}
}

// entryName is what an entry of a bundle is called: by its tag, or else by its digest.
func entryName(repository reference.Reference, tag string, d manifest.Descriptor) string {
	switch {
	case repository.Path == "":
		return ""
	case tag != "":
		return repository.WithTag(tag).String()
	}
	return repository.WithDigest(d.Digest).String()
}

// String is where the images were found.
func (b *BundleSource) String() string {
	places := map[string]bool{}
	for _, src := range b.from {
		places[fmt.Sprint(src)] = true
	}
	if len(places) > 1 {
		return fmt.Sprintf("%d sources", len(places))
	}
	return strings.Join(slices.Collect(maps.Keys(places)), "")
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

// RangedBlob implements transfer.Ranged, as far as where the blob is does.
func (b *BundleSource) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	if src, found := b.from[d.Digest]; found {
		return transfer.RangedBlob(src, d)
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) { return b.Blob(ctx, d, offset) }, nil
}

// OwnBlobs are the blobs that the bundle is to have itself.
func (b *BundleSource) OwnBlobs() []manifest.Descriptor {
	var out []manifest.Descriptor
	for _, d := range b.Blobs {
		if _, inBase := b.Base.Find(d.Digest); !inBase {
			out = append(out, d)
		}
	}
	return out
}
