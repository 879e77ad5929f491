package image

import (
	"context"
	"fmt"
	"io/fs"
	"iter"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// CollectedImage is an image with all its manifests in memory. It is a transfer.Source that reads
// only blobs from the image's own source.
type CollectedImage struct {
	transfer.Source
	transfer.Closure
	manifests map[string]manifest.Manifest // by digest, and referrers by cosign's tags too
}

func newCollectedImage(src transfer.Source, c transfer.Closure) *CollectedImage {
	out := &CollectedImage{Source: src, Closure: c, manifests: map[string]manifest.Manifest{}}
	for _, m := range c.Manifests {
		out.manifests[string(m.Digest)] = m
	}
	for _, r := range c.Referrers {
		if r.Tag != "" {
			out.manifests[r.Tag] = out.manifests[string(r.Digest)]
		}
	}
	return out
}

// String returns the image's source.
func (c *CollectedImage) String() string {
	if s, ok := c.Source.(fmt.Stringer); ok {
		return s.String()
	}
	return "the source"
}

// Place implements transfer.Placer with the image's source: blobs are mounted from there.
func (c *CollectedImage) Place() (registry, repository string) {
	if p, ok := c.Source.(transfer.Placer); ok {
		return p.Place()
	}
	return "", ""
}

// Manifest implements transfer.Source.
func (c *CollectedImage) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	m, found := c.manifests[ref]
	if !found {
		return m, fmt.Errorf("%s: manifest %s: %w", c, ref, fs.ErrNotExist)
	}
	return m, nil
}

// RangedBlob implements transfer.RangeSource if the image's source does.
func (c *CollectedImage) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	return transfer.RangedBlob(c.Source, d)
}

// RejectBlob implements transfer.BlobRejecter with the image's source.
func (c *CollectedImage) RejectBlob(d manifest.Descriptor, why error) bool {
	return transfer.RejectBlob(c.Source, d, why)
}

// MakesBlob implements transfer.BlobMaker with the image's source.
func (c *CollectedImage) MakesBlob() func(blob.Digest) bool { return transfer.MakesBlob(c.Source) }

// HasBlob implements transfer.BlobFinder with the image's source.
func (c *CollectedImage) HasBlob(ctx context.Context, d manifest.Descriptor) (bool, error) {
	return transfer.HasBlob(ctx, c.Source, d)
}

// Referrers implements transfer.ReferrerLister.
func (c *CollectedImage) Referrers(
	_ context.Context, d blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	var out []manifest.Descriptor
	for _, r := range c.Closure.Referrers {
		m := c.manifests[string(r.Digest)]
		subject, err := m.Subject()
		if err != nil {
			return nil, err
		}
		if subject == nil || subject.Digest != d {
			continue
		}
		about, err := m.ReferrerDescriptor()
		if err != nil {
			return nil, err
		}
		if artifactType == "" || about.ArtifactType == artifactType {
			out = append(out, about)
		}
	}
	return out, nil
}

// TagNames implements transfer.ReferrerLister.
func (c *CollectedImage) TagNames(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, r := range c.Closure.Referrers {
			if r.Tag != "" && !yield(r.Tag, nil) {
				return
			}
		}
	}
}
