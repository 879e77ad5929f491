package layout

import (
	"path/filepath"

	"github.com/hczjl/transship/blob"
)

// Inventory returns what the images of the folder consist of, as far as it is there, as the base of a
// bundle. It has no ID. A manifest that cannot be read is an error.
func (d *Dir) Inventory() (Inventory, error) {
	roots, err := d.Roots()
	if err != nil {
		return Inventory{}, err
	}
	in := Inventory{File: filepath.Base(d.path)}
	for _, r := range roots {
		in.Images = append(in.Images, r.Image())
	}
	has := func(digest blob.Digest) bool {
		_, err := d.BlobSize(digest)
		return err == nil
	}
	err = in.collect(d.loadManifest, has)
	return in, err
}
