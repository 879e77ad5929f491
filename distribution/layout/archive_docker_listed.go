package layout

import (
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// configIndex finds images of an image layout by their configs, by which docker's manifest.json
// names them. For a docker-archive it is empty.
type configIndex struct {
	archive   *Archive
	size      int                            // how many images index.json lists: the first of the archive
	images    map[blob.Digest][]int          // by config: the images of index.json that lead to it
	names     map[string]int                 // by name: the first image of index.json that has it
	partial   map[int]bool                   // images of index.json that lead to manifests that cannot be read
	manifests map[string]manifest.Descriptor // image manifests that index.json does not lead to, by imageContent
	searched  bool
}

// indexConfigs reads the manifests that index.json leads to.
func (a *Archive) indexConfigs() *configIndex {
	c := &configIndex{
		archive: a, size: len(a.images), images: map[blob.Digest][]int{}, names: map[string]int{}, partial: map[int]bool{},
	}
	for i, im := range a.images {
		if _, twice := c.names[im.Name]; !twice {
			c.names[im.Name] = i
		}
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
func (c *configIndex) named(name string) int {
	if i, found := c.names[name]; found {
		return i
	}
	return -1
}

// unlisted returns the manifest of an entry if the archive has it and index.json does not lead to
// it. docker 25 writes such manifests for images that are saved by their IDs.
func (c *configIndex) unlisted(e dockerImage) (manifest.Descriptor, bool) {
	c.search()
	layers := make([]blob.Digest, len(e.Layers))
	for i, name := range e.Layers {
		layers[i] = parseBlobName(name)
	}
	d, found := c.manifests[imageContent(parseBlobName(e.Config), layers)]
	return d, found
}

// imageContent identifies an image by its config and layers.
func imageContent(config blob.Digest, layers []blob.Digest) string {
	var b strings.Builder
	for _, d := range append([]blob.Digest{config}, layers...) {
		b.WriteString(string(d))
		b.WriteByte('\n')
	}
	return b.String()
}

// search reads the blobs that may be image manifests.
func (c *configIndex) search() {
	if c.searched || !c.archive.members.has(layoutFile) {
		return
	}
	c.searched, c.manifests = true, map[string]manifest.Descriptor{}
	for d, at := range c.archive.blobs {
		if at.size == 0 || at.size > manifest.MaxSize || !c.archive.beginsWith(at, "{") {
			continue
		}
		m, err := c.archive.manifest(manifest.Descriptor{Digest: d})
		if err == nil && configOf(m) != "" && c.images[configOf(m)] == nil {
			c.addManifest(m)
		}
	}
}

// addManifest adds a manifest. Of two with the same content that with the lower digest counts.
func (c *configIndex) addManifest(m manifest.Manifest) {
	im, _ := m.Image() // Parse has read it
	layers := make([]blob.Digest, len(im.Layers))
	for i, l := range im.Layers {
		layers[i] = l.Digest
	}
	key := imageContent(im.Config.Digest, layers)
	if other, twice := c.manifests[key]; !twice || m.Digest < other.Digest {
		c.manifests[key] = manifest.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}
	}
}
