package layout

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// BundleContents is what a bundle will hold. All sizes are known from it, so every blob has its
// slot before the first one arrives. The order of the slices does not matter, and duplicates do no
// harm.
type BundleContents struct {
	// Images are the entries; what none of them refers to is left out. A name is any image name
	// with a tag or a digest, or "". Of the descriptors only the digest is used.
	Images []Image
	// Manifests are the manifests and indexes of the images, and those that they refer to.
	Manifests []manifest.Manifest
	// Blobs are the configs, layers and other blobs that the manifests refer to.
	Blobs []manifest.Descriptor
	// Base is the inventory of an earlier bundle whose blobs are left out. Manifests never are. nil
	// leaves nothing out.
	Base *Inventory
	// Deltas has, by the digest of a blob, the delta that the bundle has in its place. The delta is then
	// put in place of the blob. It needs a Base.
	Deltas map[blob.Digest]Delta
	// Platform is what tools get that load only one platform, such as docker's classic image store.
	// The zero value is linux/amd64. If an image lacks the platform, they get its first one.
	Platform manifest.Platform
}

// contentSet holds manifests and blobs by digest.
type contentSet struct {
	manifests map[blob.Digest]manifest.Manifest
	blobs     map[blob.Digest]manifest.Descriptor
}

// validate returns the images, sorted and with normalized names, and all content by digest.
// Contents that would make an incomplete bundle are an error.
func (c *BundleContents) validate() (images []Image, set contentSet, err error) {
	set = contentSet{map[blob.Digest]manifest.Manifest{}, map[blob.Digest]manifest.Descriptor{}}
	for _, m := range c.Manifests {
		if err := blob.Verify(m.Raw, m.Digest, m.Size); err != nil {
			return nil, set, fmt.Errorf("manifest %s: %w", m.Digest, err)
		}
		set.manifests[m.Digest] = m
	}
	for _, d := range c.Blobs {
		if err := set.addBlob(d); err != nil {
			return nil, set, err
		}
	}
	for _, im := range c.Images {
		if im, err = set.normalizeImage(im); err != nil {
			return nil, set, err
		}
		images = append(images, im)
	}
	if images, err = distinctImages(images); err != nil {
		return nil, set, err
	}
	for _, im := range images {
		if err := set.checkComplete(im, c.Base); err != nil {
			return nil, set, err
		}
	}
	return images, set, nil
}

func (s contentSet) addBlob(d manifest.Descriptor) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if m, is := s.manifests[d.Digest]; is {
		return checkSize(d, m.Size)
	}
	if known, twice := s.blobs[d.Digest]; twice {
		return checkSize(d, known.Size)
	}
	s.blobs[d.Digest] = d
	return nil
}

// normalizeImage returns an image with its name normalized. A digest after a tag is dropped from
// the name.
func (s contentSet) normalizeImage(im Image) (Image, error) {
	m, found := s.manifests[im.Digest]
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
		return im, fmt.Errorf("%s is not an image name", printable(im.Name))
	case r.Digest != "" && r.Digest != im.Digest:
		return im, fmt.Errorf("the name of image %s has another digest than its manifest, %s", im, im.Digest)
	case r.Tag != "":
		r = r.WithTag(r.Tag)
	}
	out.Name = r.String()
	return out, nil
}

// distinctImages sorts images and removes duplicates. One name for two images is an error.
func distinctImages(images []Image) ([]Image, error) {
	slices.SortFunc(images, compareImages)
	images = slices.CompactFunc(images, func(a, b Image) bool { return compareImages(a, b) == 0 })
	for i := 1; i < len(images); i++ {
		a, b := images[i-1], images[i]
		if a.Name != "" && a.Name == b.Name {
			return nil, fmt.Errorf("%s names two images, %s and %s", a, a.Digest, b.Digest)
		}
	}
	return images, nil
}

// checkComplete returns an error unless everything that an image refers to is among the contents or
// in the base. Content that must not be distributed may be missing.
func (s contentSet) checkComplete(im Image, base *Inventory) error {
	return walk(im.Descriptor, s.load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		if err != nil {
			return fmt.Errorf("image %s: %w", im, err)
		}
		if m.Raw != nil {
			return checkSize(d, m.Size)
		}
		if known, is := s.blobs[d.Digest]; is {
			return checkSize(d, known.Size)
		}
		if doc, is := s.manifests[d.Digest]; is {
			return checkSize(d, doc.Size) // a layer may be the manifest of another image
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

// load returns a manifest of the set.
func (s contentSet) load(d manifest.Descriptor) (manifest.Manifest, error) {
	m, found := s.manifests[d.Digest]
	if !found {
		return m, fmt.Errorf("manifest %s is not among the contents: %w", d.Digest, fs.ErrNotExist)
	}
	return m, nil
}

// has reports whether a manifest or blob is in the set.
func (s contentSet) has(d blob.Digest) bool {
	_, isManifest := s.manifests[d]
	_, isBlob := s.blobs[d]
	return isManifest || isBlob
}
