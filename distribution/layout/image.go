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

// Image is an entry of an archive's index.json.
type Image struct {
	// Name is a reference as docker normalises it, such as docker.io/hczjl/halo:1.6 or docker.io/hczjl/halo@sha256:...;
	// "" where the entry has none.
	Name string
	// Descriptor is that of the image's manifest or index, with the annotations of the entry.
	manifest.Descriptor
}

// reference returns the parsed name. It is false for an image without one.
func (im Image) reference() (reference.Reference, bool) {
	r, err := reference.Parse(im.Name)
	return r, err == nil
}

// String returns the name as people write it, or the digest.
func (im Image) String() string {
	if r, named := im.reference(); named {
		return r.Familiar()
	}
	return string(im.Digest)
}

// Tag returns the tag that index.json gives the entry, whether it says of which repository or not; "" where it gives
// none.
func (im Image) Tag() string { return tagOrEmpty(im.Annotations[annotationTag]) }

// compareImages orders images by name, then digest.
func compareImages(a, b Image) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Digest), string(b.Digest)))
}

// find returns the image that ref means: by its name, full or familiar; by a digest; by what its entry is called in
// index.json; by a tag that only one image has; and with "" the only one there is.
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

// FindError says that a reference names no image, or more than one. It is fs.ErrNotExist in the former case.
type FindError struct {
	Ref     string  // "" where none was given
	Matches []Image // more than one, or none
	Images  []Image // all there are
}

// Error names the reference and what there is to choose from.
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

// Is makes a reference that names nothing fs.ErrNotExist.
func (e *FindError) Is(target error) bool { return target == fs.ErrNotExist && len(e.Matches) == 0 }

// listed names images for people, the first of them if they are many.
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

// imageOf makes an image of an entry of index.json. A short name that is only a tag names no image, since it does not
// say of which repository.
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
