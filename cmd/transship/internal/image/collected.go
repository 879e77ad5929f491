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

// CollectedImage is an image whose manifests have been read already, as a source: only blobs come from where it was found.
type CollectedImage struct {
	transfer.Source
	transfer.Closure
	manifests map[string]manifest.Manifest // by digest, and by a tag of cosign's
}

func newCollected(src transfer.Source, c transfer.Closure) *CollectedImage {
	out := &CollectedImage{src, c, map[string]manifest.Manifest{}}
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

// String is where the image was found.
func (c *CollectedImage) String() string {
	if s, ok := c.Source.(fmt.Stringer); ok {
		return s.String()
	}
	return "the source"
}

// Place implements transfer.Placed: blobs are mounted from where the image was found.
func (c *CollectedImage) Place() (registry, repository string) {
	if p, ok := c.Source.(transfer.Placed); ok {
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

// RangedBlob implements transfer.Ranged, as far as where the image was found does.
func (c *CollectedImage) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	return transfer.RangedBlob(c.Source, d)
}

// Referrers implements transfer.Referring.
func (c *CollectedImage) Referrers(_ context.Context, d blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
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
		about, err := m.Referrer()
		if err != nil {
			return nil, err
		}
		if artifactType == "" || about.ArtifactType == artifactType {
			out = append(out, about)
		}
	}
	return out, nil
}

// TagNames implements transfer.Referring.
func (c *CollectedImage) TagNames(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, r := range c.Closure.Referrers {
			if r.Tag != "" && !yield(r.Tag, nil) {
				return
			}
		}
	}
}
