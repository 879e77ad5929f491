package synthetic

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// MediaTypeLayer is the media type of a synthetic layer, an uncompressed tar (image-spec,
// media-types.md).
const MediaTypeLayer = "application/vnd.oci.image.layer.v1.tar"

// Spec specifies an image. Equal specs give the same bytes.
type Spec struct {
	Seed      uint64              // of the random bytes of the layers
	Platforms []manifest.Platform // one image each; linux/amd64 if empty
	Layers    []int64             // sizes in bytes; each platform has its own layers of these sizes
	// Compressible is the ratio of each layer, from 0 to 1, that compression removes.
	Compressible float64
}

// Validate returns an error if a size is negative, if the sum of the sizes overflows an int64, or
// if Compressible is not from 0 to 1.
func (s Spec) Validate() error {
	if !(s.Compressible >= 0 && s.Compressible <= 1) {
		return fmt.Errorf("the compressible part is from 0 to 1, not %g", s.Compressible)
	}
	var sum int64
	for range s.platforms() {
		for _, size := range s.Layers {
			if size < 0 || sum > math.MaxInt64-size {
				return fmt.Errorf("layers of that size cannot be: %d bytes", size)
			}
			sum += size
		}
	}
	return nil
}

func (s Spec) platforms() []manifest.Platform {
	if len(s.Platforms) == 0 {
		return []manifest.Platform{{OS: "linux", Architecture: "amd64"}}
	}
	return s.Platforms
}

// Image is a synthetic image, which can be the source of a copy. Its methods may be called
// concurrently.
type Image struct {
	seed      uint64
	manifests []manifest.Manifest // children before parents, the root last
	blobs     []manifest.Descriptor
	content   map[blob.Digest]blob.Open
}

// New returns an image: an index with an entry for each platform, or one image if there is only one
// platform. It generates every layer once to get its digest. The error is that of [Spec.Validate]
// or the cause of ctx.
func New(ctx context.Context, spec Spec) (*Image, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	layers, err := spec.layers(ctx)
	if err != nil {
		return nil, err
	}
	im := &Image{seed: spec.Seed, content: map[blob.Digest]blob.Open{}}
	for i, p := range spec.platforms() {
		if err := im.addImage(p, layers[i*len(spec.Layers):][:len(spec.Layers)]); err != nil {
			return nil, err
		}
	}
	if len(im.manifests) > 1 {
		err = im.addIndex(spec.platforms())
	}
	return im, err
}

// Root returns the manifest to tag.
func (im *Image) Root() manifest.Manifest { return im.manifests[len(im.manifests)-1] }

// Manifests returns all manifests, children before parents, the root last.
func (im *Image) Manifests() []manifest.Manifest { return im.manifests }

// Blobs returns the configs and layers without duplicates.
func (im *Image) Blobs() []manifest.Descriptor { return im.blobs }

// String returns the name of the image in messages.
func (im *Image) String() string { return fmt.Sprintf("the synthetic image of seed %d", im.seed) }

// Size returns the size of all blobs in bytes.
func (im *Image) Size() (sum int64) {
	for _, d := range im.blobs {
		sum += d.Size
	}
	return sum
}

// Manifest returns a manifest by digest, and the root for any tag. The error for an unknown digest
// is fs.ErrNotExist.
func (im *Image) Manifest(_ context.Context, ref string) (manifest.Manifest, error) {
	for _, m := range im.manifests {
		if string(m.Digest) == ref {
			return m, nil
		}
	}
	if strings.Contains(ref, ":") {
		return manifest.Manifest{}, fmt.Errorf("%s: manifest %s: %w", im, ref, fs.ErrNotExist)
	}
	return im.Root(), nil
}

// Blob generates a blob from an offset in bytes. The error for an unknown blob is fs.ErrNotExist.
func (im *Image) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	open, ok := im.content[d.Digest]
	if !ok {
		return nil, fmt.Errorf("%s: blob %s: %w", im, d.Digest, fs.ErrNotExist)
	}
	return open(ctx, offset)
}

// addImage adds the image of a platform.
func (im *Image) addImage(p manifest.Platform, layers []layer) error {
	config := manifest.Config{Platform: p, RootFS: manifest.RootFS{Type: "layers"}}
	var layerDescriptors []manifest.Descriptor
	for _, l := range layers {
		d := manifest.Descriptor{MediaType: MediaTypeLayer, Digest: l.digest, Size: l.size}
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, d.Digest)
		layerDescriptors = append(layerDescriptors, d)
		im.addBlob(d, l.open)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return err
	}
	d := manifest.Descriptor{MediaType: manifest.MediaTypeOCIConfig, Digest: blob.FromBytes(raw), Size: int64(len(raw))}
	im.addBlob(d, openBytes(raw))
	raw, err = manifest.OCIStyle().EncodeImage(manifest.Image{
		SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &d, Layers: layerDescriptors,
	})
	return im.addManifest(manifest.MediaTypeOCIManifest, raw, err)
}

// addIndex adds the index of the images of all platforms.
func (im *Image) addIndex(platforms []manifest.Platform) error {
	ix := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex}
	for i, m := range im.manifests {
		d := m.Descriptor
		d.Platform = &platforms[i]
		ix.Manifests = append(ix.Manifests, d)
	}
	raw, err := manifest.OCIStyle().EncodeIndex(ix)
	return im.addManifest(ix.MediaType, raw, err)
}

func (im *Image) addManifest(mediaType string, raw []byte, err error) error {
	if err != nil {
		return err
	}
	m, err := manifest.Parse(mediaType, raw)
	im.manifests = append(im.manifests, m)
	return err
}

func (im *Image) addBlob(d manifest.Descriptor, open blob.Open) {
	if im.content[d.Digest] == nil {
		im.blobs = append(im.blobs, d)
	}
	im.content[d.Digest] = open
}
