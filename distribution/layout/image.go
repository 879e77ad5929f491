package layout

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Image is an entry of index.json, or of docker's manifest.json.
type Image struct {
	// Name is a reference as docker normalizes it, such as docker.io/hczjl/halo:1.6 or
	// docker.io/hczjl/halo@sha256:...; "" if the entry has none.
	Name string
	// Descriptor is that of the image's manifest or index, with the annotations of the entry.
	manifest.Descriptor
}

// reference parses the name. It is false if the image has none.
func (im Image) reference() (reference.Reference, bool) {
	r, err := reference.Parse(im.Name)
	return r, err == nil
}

// String returns the short name, as users write it, or the digest.
func (im Image) String() string {
	if r, named := im.reference(); named {
		return r.Familiar()
	}
	return string(im.Digest)
}

// Tag returns the tag that index.json or manifest.json gives the entry, even if it names no
// repository, or one whose name is invalid; "" if there is none.
func (im Image) Tag() string {
	name := im.Annotations[annotationTag]
	if _, err := reference.Parse(name); err == nil || reference.ValidTag(name) || strings.Contains(name, "@") {
		return tagOrEmpty(name)
	}
	_, tag, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ":")
	return tagOrEmpty(tag)
}

// compareImages orders images by name, then digest.
func compareImages(a, b Image) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Digest), string(b.Digest)))
}

// findImage returns the image that ref means; [Archive.Find] says how. Exact matches go before
// tags.
func findImage(images []Image, ref string) (Image, error) {
	var exact, near []Image
	full, err := reference.Parse(ref)
	for _, im := range images {
		name, _ := im.reference()
		switch {
		case ref == "" || name.Tag == ref:
			near = append(near, im)
		case string(im.Digest) == ref, im.Annotations[annotationTag] == ref, err == nil && full.String() == im.Name:
			exact = append(exact, im)
		}
	}
	if len(exact) == 0 {
		exact = near
	}
	if len(exact) > 0 && sameDigest(exact) {
		return exact[0], nil
	}
	return Image{}, &FindError{Ref: ref, Matches: exact, Images: images}
}

func sameDigest(images []Image) bool {
	return !slices.ContainsFunc(images, func(im Image) bool { return im.Digest != images[0].Digest })
}

// FindError says that a reference names no image, or more than one. It is fs.ErrNotExist only in
// the former case.
type FindError struct {
	Ref     string  // "" if none was given
	Matches []Image // none, or more than one
	Images  []Image // all images that there are
}

// Error names the reference and the images that there are.
func (e *FindError) Error() string {
	switch {
	case len(e.Images) == 0:
		return "there is no image"
	case e.Ref == "":
		return fmt.Sprintf("there are %d images, say which: %s", len(e.Images), joinNames(e.Images))
	case len(e.Matches) > 0:
		return fmt.Sprintf("%s may be any of %s", printable(e.Ref), joinNames(e.Matches))
	}
	return fmt.Sprintf("there is no image %s; there is %s", printable(e.Ref), joinNames(e.Images))
}

// Is reports whether target is fs.ErrNotExist and nothing matches.
func (e *FindError) Is(target error) bool { return target == fs.ErrNotExist && len(e.Matches) == 0 }

// joinNames joins the names of images for a message, at most 10 of them.
func joinNames(images []Image) string {
	const most = 10
	var out []string
	for _, im := range images[:min(most, len(images))] {
		out = append(out, im.String())
	}
	if more := len(images) - most; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

// entryImage returns the image of an entry of index.json. A ref.name that is only a tag names no
// image, since it does not name a repository.
func entryImage(d manifest.Descriptor) Image {
	short := d.Annotations[annotationTag]
	full := []string{d.Annotations[annotationReference], d.Annotations[annotationImage]}
	switch repository := d.Annotations[annotationRepository]; {
	case short != "" && !reference.ValidTag(short):
		full = append(full, short)
	case repository != "" && short != "":
		full = append(full, repository+":"+short)
	case repository != "":
		full = append(full, repository+"@"+string(d.Digest))
	}
	for _, name := range full {
		if r, err := reference.Parse(name); err == nil {
			return Image{r.String(), d}
		}
	}
	return Image{"", d}
}
