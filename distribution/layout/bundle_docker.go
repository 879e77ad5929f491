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

// dockerImage is an entry of manifest.json: a config and the layers from the lowest up, as names in the tar, and tags.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// choose finds for each image what loaders get that know neither indexes nor platforms: the manifest of a container image
// for the plan's platform, or for the first it has. An image without any is none that can be loaded.
func (p *tarLayout) chooseManifests() error {
	p.chosen = map[blob.Digest]manifest.Manifest{}
	for _, im := range p.inventory.Images {
		if _, done := p.chosen[im.Digest]; done {
			continue
		}
		m, found, err := p.manifestFor(im.Descriptor)
		if err != nil {
			return err
		}
		if found {
			p.chosen[im.Digest] = m
		}
	}
	return nil
}

// dockerImages makes the entries of manifest.json, one for all tags of a manifest. A manifest whose config the tar lacks
// is left out, since loaders could not even look at it.
func (p *tarLayout) dockerImages() []dockerImage {
	out := []dockerImage{}
	at := map[blob.Digest]int{} // manifest -> its place in out
	for _, im := range p.inventory.Images {
		m, found := p.chosen[im.Digest]
		if !found {
			continue
		}
		i, known := at[m.Digest]
		if !known {
			entry, usable := p.dockerImage(m)
			if !usable {
				continue
			}
			i, at[m.Digest] = len(out), len(out)
			out = append(out, entry)
		}
		if r, _ := im.reference(); r.Tag != "" {
			out[i].RepoTags = append(out[i].RepoTags, r.String())
		}
	}
	return out
}

// dockerImage makes an entry without tags, if the tar has what it takes.
func (p *tarLayout) dockerImage(m manifest.Manifest) (dockerImage, bool) {
	im, err := m.Image()
	if err != nil || !p.has(im.Config.Digest) {
		return dockerImage{}, false
	}
	out := dockerImage{Config: blobName(im.Config.Digest), Layers: []string{}}
	for _, l := range im.Layers {
		out.Layers = append(out.Layers, blobName(l.Digest))
	}
	return out, !slices.ContainsFunc(im.Layers, func(l manifest.Descriptor) bool { return !p.available(l.Digest) })
}

// forPlatform looks through all that is below d.
func (p *tarLayout) manifestFor(d manifest.Descriptor) (found manifest.Manifest, ok bool, err error) {
	matched := false
	err = walk(d, p.load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
		if err != nil || matched || !isContainerImage(m) {
			return err
		}
		matched = d.Platform != nil && p.platform.Match(*d.Platform)
		if matched || !ok {
			found, ok = m, true
		}
		return nil
	})
	return found, ok, err
}

// runs tells whether a manifest is of a container image: its config is one, and its layers are file systems. Charts,
// signatures and attestations are not.
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
	return !slices.ContainsFunc(im.Layers, func(l manifest.Descriptor) bool { return !isFilesystemLayer(l.MediaType) })
}

func isFilesystemLayer(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.oci.image.layer.") ||
		strings.HasPrefix(mediaType, "application/vnd.docker.image.rootfs.")
}

// dockerRepositories is the document that docker had before manifest.json, and still writes: by repository and tag the
// hexadecimal digest of the top layer.
func dockerRepositories(images []dockerImage) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, im := range images {
		top := append([]string{im.Config}, im.Layers...)[len(im.Layers)]
		for _, name := range im.RepoTags {
			r, _ := Image{Name: name}.reference() // it was one's name
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
