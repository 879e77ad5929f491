package layout

import (
	"encoding/json"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// naming decides what the entries of a bundle's index.json are called; the package comment says why.
type entryNamer struct {
	containerImages map[blob.Digest]manifest.Manifest // the images that are container images
	tagOwner        map[string]blob.Digest            // the image that alone has a tag, "" where two have it
}

// entries makes those of index.json.
func (p *tarLayout) entries() ([]*entry, error) {
	n := entryNamer{p.chosen, map[string]blob.Digest{}}
	for _, im := range p.inventory.Images {
		n.add(im)
	}
	var out []*entry
	for _, im := range p.inventory.Images {
		d := im.Descriptor
		d.Annotations = n.annotations(im)
		raw, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		out = append(out, &entry{Descriptor: d, raw: raw})
	}
	return out, nil
}

// isArtifact tells whether an image is no container image.
func (n entryNamer) isArtifact(im Image) bool {
	_, runs := n.containerImages[im.Digest]
	return !runs
}

// tag returns the tag that other tools may look an image up by, "" where there is none: artifacts beside container
// images have none, since ctr would take them for images.
func (n entryNamer) tag(im Image) string {
	if n.isArtifact(im) && len(n.containerImages) > 0 {
		return ""
	}
	r, _ := im.reference()
	return r.Tag
}

func (n entryNamer) add(im Image) {
	tag := n.tag(im)
	if other, taken := n.tagOwner[tag]; taken && other != im.Digest {
		n.tagOwner[tag] = ""
		return
	}
	n.tagOwner[tag] = im.Digest
}

// annotations names an entry.
func (n entryNamer) annotations(im Image) map[string]string {
	if im.Name == "" {
		return nil
	}
	key := annotationImage
	if n.isArtifact(im) {
		key = annotationReference
	}
	out := map[string]string{key: im.Name}
	switch tag := n.tag(im); {
	case tag == "":
	case n.tagOwner[tag] == im.Digest:
		out[annotationTag] = tag
	default:
		out[annotationTag] = im.Name
	}
	return out
}
