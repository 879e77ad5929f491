package layout

import (
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// configIndex finds images of an image layout by their configs, by which docker's manifest.json
// names them. For a docker-archive it is empty.
type configIndex struct {
	archive   *Archive
	size      int                   // how many images index.json lists: the first of the archive
	images    map[blob.Digest][]int // by config: the images of index.json that lead to it
	partial   map[int]bool          // images of index.json that lead to manifests that cannot be read
	manifests []manifest.Manifest   // image manifests that index.json does not lead to; see unlisted
	searched  bool
}

// indexConfigs reads the manifests that index.json leads to.
func (a *Archive) indexConfigs() *configIndex {
	c := &configIndex{archive: a, size: len(a.images), images: map[blob.Digest][]int{}, partial: map[int]bool{}}
	for i, im := range a.images {
		configs, whole := configsBelow(im.Descriptor, a.manifest)
		for _, config := range configs {
			c.images[config] = append(c.images[config], i)
		}
		c.partial[i] = !whole
	}
	return c
}

// configsBelow returns the configs of the images that a manifest leads to, and whether all manifests
// could be read. What cannot be read is reported when the image is.
func configsBelow(root manifest.Descriptor, load manifestLoader) (configs []blob.Digest, whole bool) {
	whole = true
	_ = walk(root, load, func(_ manifest.Descriptor, m manifest.Manifest, err error) error {
		if err != nil {
			whole = false
		} else if config := configOf(m); config != "" {
			configs = append(configs, config)
		}
		return nil
	})
	return configs, whole
}

// configOf returns the digest of an image's config, "" for anything else.
func configOf(m manifest.Manifest) blob.Digest {
	if !manifest.IsImage(m.MediaType) {
		return ""
	}
	im, err := m.Image()
	if err != nil || im.Config == nil {
		return ""
	}
	return im.Config.Digest
}

// named returns the index of the image to which index.json gives a name, or -1.
func (c *configIndex) named(images []Image, name string) int {
	return slices.IndexFunc(images[:c.size], func(im Image) bool { return im.Name == name })
}

// unlisted returns the manifest of an entry if the archive has it and index.json does not lead to
// it. docker 25 writes such manifests for images that are saved by their IDs.
func (c *configIndex) unlisted(e dockerImage) (manifest.Descriptor, bool) {
	c.search()
	for _, m := range c.manifests {
		im, _ := m.Image() // Parse has read it
		sameLayer := func(name string, d manifest.Descriptor) bool { return parseBlobName(name) == d.Digest }
		if parseBlobName(e.Config) == im.Config.Digest && slices.EqualFunc(e.Layers, im.Layers, sameLayer) {
			return manifest.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}, true
		}
	}
	return manifest.Descriptor{}, false
}

// search reads the blobs that may be image manifests.
func (c *configIndex) search() {
	if c.searched || !c.archive.members.has(layoutFile) {
		return
	}
	c.searched = true
	for d, at := range c.archive.blobs {
		if at.size == 0 || at.size > manifest.MaxSize || !c.archive.beginsWith(at, "{") {
			continue
		}
		m, err := c.archive.manifest(manifest.Descriptor{Digest: d})
		if err == nil && configOf(m) != "" && c.images[configOf(m)] == nil {
			c.manifests = append(c.manifests, m)
		}
	}
	slices.SortFunc(c.manifests, func(a, b manifest.Manifest) int { return compareDigests(a.Descriptor, b.Descriptor) })
}
