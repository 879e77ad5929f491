package layout

import "fmt"

// Find returns the entry of index.json that ref means, as [Archive.Find] does. The error is a *[FindError], or that of
// reading index.json.
func (d *Dir) Find(ref string) (Root, error) {
	roots, err := d.Roots()
	if err != nil {
		return Root{}, err
	}
	images := make([]Image, len(roots))
	for i, r := range roots {
		images[i] = r.Image()
	}
	im, err := findImage(images, ref)
	if err != nil {
		return Root{}, fmt.Errorf("%s: %w", d.path, err)
	}
	repository, tag := entryName(im.Descriptor, d.unnamed)
	return Root{repository, tag, im.Descriptor}, nil
}
