package layout

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// collect fills Content with what the images refer to, as far as it is there, and with the
// repositories of the images that have it.
func (in *Inventory) collect(load manifestLoader, has func(blob.Digest) bool) error {
	content := contentTable{}
	for _, im := range in.Images {
		repository := ""
		if r, named := im.reference(); named {
			repository = r.Name()
		}
		err := walk(im.Descriptor, load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if has(d.Digest) {
				content.add(d, m, repository)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, c := range content {
		in.Content = append(in.Content, *c)
	}
	in.sort()
	return nil
}

// contentTable is the content of several images, by digest.
type contentTable map[blob.Digest]*Content

// add adds a manifest, or a blob if m has no bytes. repository is that of the image, "" if it has
// no name.
func (t contentTable) add(d manifest.Descriptor, m manifest.Manifest, repository string) {
	c := t[d.Digest]
	if c == nil {
		c = &Content{Digest: d.Digest, Size: d.Size}
		t[d.Digest] = c
	}
	if m.Raw != nil {
		c.MediaType = m.MediaType
	}
	if repository != "" && !slices.Contains(c.Repositories, repository) {
		c.Repositories = append(c.Repositories, repository)
	}
}
