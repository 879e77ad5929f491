package mix

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/synthetic"
	"github.com/hczjl/transship/manifest"
)

// Corpus is the content that a run reads, out of a seed. docs/formats.md says of which bytes it is.
type Corpus struct {
	Spec   synthetic.Spec // of image 0, but for the seed; one platform
	Count  int            // number of images that are read
	images []*synthetic.Image
	byBlob map[blob.Digest]*synthetic.Image
}

// NewCorpus makes the images. The error is that of [synthetic.New].
func NewCorpus(ctx context.Context, spec synthetic.Spec, count int) (*Corpus, error) {
	c := &Corpus{Spec: spec, Count: count, byBlob: map[blob.Digest]*synthetic.Image{}}
	for n := range count {
		im, err := c.image(ctx, n)
		if err != nil {
			return nil, err
		}
		c.images = append(c.images, im)
		for _, d := range im.Blobs() {
			c.byBlob[d.Digest] = im
		}
	}
	return c, nil
}

// image returns image n. Those from Count on are the ones that a run pushes.
func (c *Corpus) image(ctx context.Context, n int) (*synthetic.Image, error) {
	spec := c.Spec
	spec.Seed ^= uint64(n+1) << 32
	return synthetic.New(ctx, spec)
}

// Digest returns what tells the corpus from others: SHA-256 of the digests of the images' manifests, a
// line for each.
func (c *Corpus) Digest() blob.Digest {
	h := sha256.New()
	for _, im := range c.images {
		fmt.Fprintf(h, "%s\n", im.Root().Digest)
	}
	return blob.FromHash(blob.SHA256, h)
}

// Open opens a blob of the corpus at an offset in bytes. The error for another blob is fs.ErrNotExist.
func (c *Corpus) Open(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	im := c.byBlob[d.Digest]
	if im == nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest, fs.ErrNotExist)
	}
	return im.Blob(ctx, d, offset)
}

// mountBlob returns blob n of those that are mounted.
func (c *Corpus) mountBlob(n int) []byte {
	return fmt.Appendf(nil, "transship bench mix: blob %d of seed %d\n", n, c.Spec.Seed)
}

// deleteManifest returns manifest n of those that are deleted: image 0 with an annotation.
func (c *Corpus) deleteManifest(n int) (manifest.Manifest, error) {
	return c.small(manifest.Image{Annotations: map[string]string{noteName: fmt.Sprintf("manifest %d of seed %d", n, c.Spec.Seed)}})
}

// referrer returns the manifest that refers to image n.
func (c *Corpus) referrer(n int) (manifest.Manifest, error) {
	subject := c.images[n].Root().Descriptor
	return c.small(manifest.Image{ArtifactType: "application/vnd.transship.bench", Subject: &subject})
}

// noteName is the annotation of manifests that differ by nothing else.
const noteName = "io.github.hczjl.transship.bench"

// small completes a manifest that has the blobs of image 0.
func (c *Corpus) small(im manifest.Image) (manifest.Manifest, error) {
	blobs := c.images[0].Blobs() // the layers, then the config
	config := blobs[len(blobs)-1]
	im.SchemaVersion, im.MediaType, im.Config, im.Layers = 2, manifest.MediaTypeOCIManifest, &config, blobs[:1]
	raw, err := manifest.OCIStyle().EncodeImage(im)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Parse(im.MediaType, raw)
}
