package layout

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Contents is what is to be in a bundle. All sizes are known from it, so that every blob has its place before the first
// one comes. The order of the slices does not matter, and what is in one twice does no harm.
type Contents struct {
	// Images are the entries; what none of them refers to is left out. A name may be anything that names an image, with a
	// tag or a digest, or be empty. Of the descriptors only the digest counts.
	Images []Image
	// Manifests are those of the images, and of all that is below them.
	Manifests []manifest.Manifest
	// Blobs are the configs, layers and other blobs that the manifests refer to.
	Blobs []manifest.Descriptor
	// Base is the inventory of an earlier bundle, whose blobs are left out. Manifests never are. nil leaves nothing out.
	Base *Inventory
	// Platform is what tools that load one platform only are to get: docker's classic image store is one. Empty is
	// linux/amd64; of images that lack it, it is the first platform they have.
	Platform manifest.Platform
}

// parts are manifests and blobs by digest.
type contentSet struct {
	manifests map[blob.Digest]manifest.Manifest
	blobs     map[blob.Digest]manifest.Descriptor
}

// check brings the contents into order, and refuses those that would make a bundle that is not whole.
func (c *Contents) validate() (images []Image, p contentSet, err error) {
	p = contentSet{map[blob.Digest]manifest.Manifest{}, map[blob.Digest]manifest.Descriptor{}}
	for _, m := range c.Manifests {
		if err := blob.Verify(m.Raw, m.Digest, m.Size); err != nil {
			return nil, p, fmt.Errorf("manifest %s: %w", m.Digest, err)
		}
		p.manifests[m.Digest] = m
	}
	for _, d := range c.Blobs {
		if err := p.addBlob(d); err != nil {
			return nil, p, err
		}
	}
	for _, im := range c.Images {
		if im, err = p.normalizeImage(im); err != nil {
			return nil, p, err
		}
		images = append(images, im)
	}
	if images, err = distinct(images); err != nil {
		return nil, p, err
	}
	for _, im := range images {
		if err := p.checkComplete(im, c.Base); err != nil {
			return nil, p, err
		}
	}
	return images, p, nil
}

func (p contentSet) addBlob(d manifest.Descriptor) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if m, is := p.manifests[d.Digest]; is {
		return checkSize(d, m.Size)
	}
	if known, twice := p.blobs[d.Digest]; twice {
		return checkSize(d, known.Size)
	}
	p.blobs[d.Digest] = d
	return nil
}

// checkImage returns an image with its name normalised. A digest beside a tag says nothing more.
func (p contentSet) normalizeImage(im Image) (Image, error) {
	m, found := p.manifests[im.Digest]
	if !found {
		return im, fmt.Errorf("image %s: its manifest %s is not among the contents", im, im.Digest)
	}
	out := Image{Descriptor: manifest.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}}
	if im.Name == "" {
		return out, nil
	}
	r, named := im.reference()
	switch {
	case !named:
		return im, fmt.Errorf("%s is no image name", printable(im.Name))
	case r.Digest != "" && r.Digest != im.Digest:
		return im, fmt.Errorf("image %s has the digest %s", im, im.Digest)
	case r.Tag != "":
		r = r.WithTag(r.Tag)
	}
	out.Name = r.String()
	return out, nil
}

// distinct sorts images. It refuses one name for two of them.
func distinct(images []Image) ([]Image, error) {
	slices.SortFunc(images, compareImages)
	images = slices.CompactFunc(images, func(a, b Image) bool { return compareImages(a, b) == 0 })
	for i := 1; i < len(images); i++ {
		a, b := images[i-1], images[i]
		if a.Name != "" && a.Name == b.Name {
			return nil, fmt.Errorf("%s is to name two images, %s and %s", a, a.Digest, b.Digest)
		}
	}
	return images, nil
}

// checkClosed makes sure that everything below an image is among the contents or in the base. What must not be
// distributed may be missing.
func (p contentSet) checkComplete(im Image, base *Inventory) error {
	return walk(im.Descriptor, p.load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		if err != nil {
			return fmt.Errorf("image %s: %w", im, err)
		}
		if m.Raw != nil {
			return checkSize(d, m.Size)
		}
		if known, is := p.blobs[d.Digest]; is {
			return checkSize(d, known.Size)
		}
		if known, is := base.Find(d.Digest); is {
			return checkSize(d, known.Size)
		}
		if !d.Distributable() {
			return nil
		}
		return fmt.Errorf("image %s: blob %s is not among the contents", im, d.Digest)
	})
}

// load returns a manifest of the parts.
func (p contentSet) load(d manifest.Descriptor) (manifest.Manifest, error) {
	m, found := p.manifests[d.Digest]
	if !found {
		return m, fmt.Errorf("manifest %s is not among the contents: %w", d.Digest, fs.ErrNotExist)
	}
	return m, nil
}

// has tells whether something is among the parts.
func (p contentSet) has(d blob.Digest) bool {
	_, isManifest := p.manifests[d]
	_, isBlob := p.blobs[d]
	return isManifest || isBlob
}
