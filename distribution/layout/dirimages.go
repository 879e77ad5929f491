package layout

import "fmt"

// Images returns the entries of index.json in its order, with the names that they have, as [Archive.Images] does. It is
// an error when index.json cannot be read.
func (d *Dir) Images() ([]Image, error) {
	roots, err := d.Roots()
	if err != nil {
		return nil, err
	}
	images := make([]Image, len(roots))
	for i, r := range roots {
		images[i] = imageOf(r.Descriptor)
	}
	return images, nil
}

// Find returns the entry that ref means, as [Archive.Find] does. The error is a *[FindError].
func (d *Dir) Find(ref string) (Root, error) {
	images, err := d.Images()
	if err != nil {
		return Root{}, err
	}
	im, err := find(images, ref)
	if err != nil {
		return Root{}, fmt.Errorf("%s: %w", d.path, err)
	}
	repository, tag := nameOf(im.Descriptor, d.name)
	return Root{repository, tag, im.Descriptor}, nil
}
