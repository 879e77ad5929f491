package layout

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// change makes a new list of entries from the old one, which it leaves as it is.
type change func(entries []*entry) ([]*entry, error)

// put enters a manifest under tags, or without one if there are none and it has no entry yet. A manifest that loses
// its last tag by that stays as an untagged one. The manifests below it need no untagged entries any more.
func putEntries(repository string, d manifest.Descriptor, tags []string, below map[blob.Digest]bool) change {
	return func(in []*entry) ([]*entry, error) {
		var out, moved []*entry
		has := map[string]bool{}
		for _, e := range in {
			own := e.repository == repository
			switch {
			case own && e.Digest != d.Digest && slices.Contains(tags, e.tag):
				moved = append(moved, e)
			case own && e.tag == "" && (below[e.Digest] || e.Digest == d.Digest && len(tags) > 0):
			default:
				out = append(out, e)
				has[e.tag] = has[e.tag] || own && e.Digest == d.Digest
			}
		}
		out, err := appendEntries(out, repository, d, tags, has)
		if err != nil {
			return nil, err
		}
		return keepUntagged(out, moved)
	}
}

// enter adds an entry for each tag that the manifest does not have; with no tags given, one without, if it has none.
func appendEntries(out []*entry, repository string, d manifest.Descriptor, tags []string, has map[string]bool) ([]*entry, error) {
	if len(tags) == 0 {
		return keepUntagged(out, []*entry{{Descriptor: d, repository: repository}})
	}
	for _, tag := range tags {
		if has[tag] {
			continue
		}
		has[tag] = true
		e, err := newEntry(repository, tag, d)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// untag removes a tag. It is fs.ErrNotExist when there is none.
func removeTag(repository, tag string) change {
	return func(in []*entry) ([]*entry, error) {
		var out, moved []*entry
		for _, e := range in {
			if e.repository == repository && e.tag == tag {
				moved = append(moved, e)
			} else {
				out = append(out, e)
			}
		}
		if len(moved) == 0 {
			return nil, fmt.Errorf("tag %s:%s: %w", repository, tag, fs.ErrNotExist)
		}
		return keepUntagged(out, moved)
	}
}

// keepUntagged adds the manifests of loose entries without a tag, where no other entry has them.
func keepUntagged(out, loose []*entry) ([]*entry, error) {
	for _, e := range loose {
		same := func(o *entry) bool { return o.repository == e.repository && o.Digest == e.Digest }
		if slices.ContainsFunc(out, same) {
			continue
		}
		bare, err := newEntry(e.repository, "", e.Descriptor)
		if err != nil {
			return nil, err
		}
		out = append(out, bare)
	}
	return out, nil
}

// remove takes a manifest out of a repository with all its tags.
func removeManifest(repository string, d blob.Digest) change {
	return func(in []*entry) ([]*entry, error) {
		var out []*entry
		for _, e := range in {
			if e.repository != repository || e.Digest != d {
				out = append(out, e)
			}
		}
		return out, nil
	}
}
