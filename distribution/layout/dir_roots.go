package layout

import (
	"fmt"

	"github.com/hczjl/transship/manifest"
)

// Root is an entry of index.json: a manifest with or without a tag, in a repository.
type Root struct {
	Repository string
	Tag        string // "" for an untagged manifest
	manifest.Descriptor
}

// Image returns the entry as an [Image]. Its name is "" if the entry has only a tag.
func (r Root) Image() Image { return entryImage(r.Descriptor) }

// key identifies a root: repository, tag and digest.
func (r Root) key() [3]string { return [3]string{r.Repository, r.Tag, string(r.Digest)} }

// Roots returns the entries of index.json, in its order.
func (d *Dir) Roots() ([]Root, error) {
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	roots := make([]Root, len(ix.entries))
	for i, e := range ix.entries {
		roots[i] = rootOf(e)
	}
	return roots, nil
}

func rootOf(e *entry) Root {
	return Root{Repository: e.repository, Tag: e.tag, Descriptor: e.Descriptor}
}

// Drop removes entries from index.json in one step. Entries that are not there are skipped. A
// manifest that loses its last tag does not become an untagged one. The content stays in its
// repositories until the next [Dir.Prune].
func (d *Dir) Drop(roots ...Root) error {
	drop := map[[3]string]bool{}
	for _, r := range roots {
		drop[r.key()] = true
	}
	return d.update(func(in []*entry) ([]*entry, error) {
		var out []*entry
		for _, e := range in {
			if !drop[rootOf(e).key()] {
				out = append(out, e)
			}
		}
		return out, nil
	})
}

// Find returns the entry of index.json that ref means, by the rules of [Archive.Find]. The error is
// a *[FindError], or that of reading index.json.
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
