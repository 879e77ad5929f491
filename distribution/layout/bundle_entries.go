package layout

import (
	"encoding/json"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// entryNamer names the entries of a bundle's index.json. The package comment says why they are
// named so.
type entryNamer struct {
	containerImages map[blob.Digest]manifest.Manifest // by image digest
	tagOwner        map[string]blob.Digest            // the image that has a tag, "" if two have it
}

// entries returns the entries of index.json.
func (l *tarLayout) entries() ([]*entry, error) {
	n := entryNamer{l.chosen, map[string]blob.Digest{}}
	for _, im := range l.inventory.Images {
		n.add(im)
	}
	var out []*entry
	for _, im := range l.inventory.Images {
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

// isArtifact reports whether an image is no container image.
func (n entryNamer) isArtifact(im Image) bool {
	_, runs := n.containerImages[im.Digest]
	return !runs
}

// tag returns the tag by which other tools may find an image, "" if there is none. Artifacts beside
// container images have none: ctr would take them for images.
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

// annotations returns the annotations that name an entry.
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
