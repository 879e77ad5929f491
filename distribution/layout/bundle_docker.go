package layout

import (
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// The documents of `docker save` (moby, image/tarexport).
const (
	dockerFile       = "manifest.json"
	repositoriesFile = "repositories"
)

// dockerImage is an entry of manifest.json: the names in the tar of a config and of the layers, the
// lowest first, and the image's tags.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// chooseManifests chooses for each image the manifest for loaders that know neither indexes nor
// platforms. It is the container image of the layout's platform, or else the first one. If there is
// none, the image cannot be loaded.
func (l *tarLayout) chooseManifests() error {
	l.chosen = map[blob.Digest]manifest.Manifest{}
	for _, im := range l.inventory.Images {
		if _, done := l.chosen[im.Digest]; done {
			continue
		}
		m, found, err := l.manifestFor(im.Descriptor)
		if err != nil {
			return err
		}
		if found {
			l.chosen[im.Digest] = m
		}
	}
	return nil
}

// dockerImages returns the entries of manifest.json, one for all tags of a manifest. A manifest
// whose config is not in the tar is left out: loaders could not even read it.
func (l *tarLayout) dockerImages() []dockerImage {
	out := []dockerImage{}
	indexOf := map[blob.Digest]int{} // by manifest: its index in out
	for _, im := range l.inventory.Images {
		m, found := l.chosen[im.Digest]
		if !found {
			continue
		}
		i, known := indexOf[m.Digest]
		if !known {
			entry, usable := l.dockerImage(m)
			if !usable {
				continue
			}
			i, indexOf[m.Digest] = len(out), len(out)
			out = append(out, entry)
		}
		if r, _ := im.reference(); r.Tag != "" {
			out[i].RepoTags = append(out[i].RepoTags, r.String())
		}
	}
	return out
}

// dockerImage returns an entry without tags, if everything that it needs is there.
func (l *tarLayout) dockerImage(m manifest.Manifest) (dockerImage, bool) {
	im, err := m.Image()
	if err != nil || !l.has(im.Config.Digest) {
		return dockerImage{}, false
	}
	out := dockerImage{Config: blobName(im.Config.Digest), Layers: []string{}}
	for _, layer := range im.Layers {
		out.Layers = append(out.Layers, blobName(layer.Digest))
	}
	return out, !slices.ContainsFunc(im.Layers, func(layer manifest.Descriptor) bool { return !l.available(layer.Digest) })
}

// manifestFor returns the container image that d is or leads to: the one of the layout's platform,
// or else the first one.
func (l *tarLayout) manifestFor(d manifest.Descriptor) (chosen manifest.Manifest, found bool, err error) {
	matched := false
	err = walk(d, l.load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		if err != nil || matched || !isContainerImage(m) {
			return err
		}
		matched = d.Platform != nil && l.platform.Match(*d.Platform)
		if matched || !found {
			chosen, found = m, true
		}
		return nil
	})
	return chosen, found, err
}

// isContainerImage reports whether a manifest is a container image: its config is an image config,
// and its layers are file systems. Charts, signatures and attestations are not.
func isContainerImage(m manifest.Manifest) bool {
	if !manifest.IsImage(m.MediaType) {
		return false
	}
	im, err := m.Image()
	if err != nil || im.Config == nil {
		return false
	}
	if im.Config.MediaType != manifest.MediaTypeOCIConfig && im.Config.MediaType != manifest.MediaTypeDockerConfig {
		return false
	}
	return !slices.ContainsFunc(im.Layers, func(l manifest.Descriptor) bool { return !manifest.IsLayer(l.MediaType) })
}

// dockerRepositories returns the document that docker had before manifest.json and still writes: by
// repository and tag, the hexadecimal digest of the top layer.
func dockerRepositories(images []dockerImage) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, im := range images {
		top := append([]string{im.Config}, im.Layers...)[len(im.Layers)]
		for _, name := range im.RepoTags {
			r, _ := Image{Name: name}.reference() // it is the name of an image
			tags := out[r.FamiliarName()]
			if tags == nil {
				tags = map[string]string{}
				out[r.FamiliarName()] = tags
			}
			tags[r.Tag] = top[strings.LastIndexByte(top, '/')+1:]
		}
	}
	return out
}
