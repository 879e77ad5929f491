package layout

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// collect fills Content with what the images refer to, as far as it is there, and which of the images' repositories
// have it.
func (in *Inventory) collect(load manifestLoader, has func(blob.Digest) bool) error {
	c := collection{content: map[blob.Digest]*Content{}}
	for _, im := range in.Images {
		r, named := im.reference()
		c.repository = ""
		if named {
			c.repository = r.Name()
		}
		err := walk(im.Descriptor, load, func(d manifest.Descriptor, m manifest.Manifest, err error) error {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if has(d.Digest) {
				c.note(d, m)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, content := range c.content {
		in.Content = append(in.Content, *content)
	}
	in.sort()
	return nil
}

// collection is the content of several images.
type collection struct {
	content    map[blob.Digest]*Content
	repository string // of the image that is being noted, "" where it has no name
}

// note enters a manifest, or a blob where m has no bytes.
func (c *collection) note(d manifest.Descriptor, m manifest.Manifest) {
	known := c.content[d.Digest]
	if known == nil {
		known = &Content{Digest: d.Digest, Size: d.Size}
		c.content[d.Digest] = known
	}
	if m.Raw != nil {
		known.MediaType = m.MediaType
	}
	if c.repository != "" && !slices.Contains(known.Repositories, c.repository) {
		known.Repositories = append(known.Repositories, c.repository)
	}
}
