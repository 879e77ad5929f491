package layout

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// change returns a new list of entries made from the old one, which it does not modify.
type change func(entries []*entry) ([]*entry, error)

// putEntries adds a manifest under tags; without tags it adds an untagged entry, unless the
// manifest has an entry. A manifest that loses its last tag by that keeps an untagged entry. The
// manifests in children lose their untagged entries: the index that is added leads to them.
func putEntries(repository string, d manifest.Descriptor, tags []string, children map[blob.Digest]bool) change {
	return func(in []*entry) ([]*entry, error) {
		out := make([]*entry, 0, len(in)+len(tags)+1)
		var moved []*entry
		has := map[string]bool{}
		for _, e := range in {
			own := e.repository == repository
			switch {
			case !own:
				out = append(out, e)
			case e.Digest != d.Digest && slices.Contains(tags, e.tag):
				moved = append(moved, e)
			case e.tag == "" && (children[e.Digest] || e.Digest == d.Digest && len(tags) > 0):
			default:
				out = append(out, e)
				has[e.tag] = has[e.tag] || e.Digest == d.Digest
			}
		}
		out, err := appendEntries(out, repository, d, tags, has)
		if err != nil {
			return nil, err
		}
		return keepUntagged(out, moved)
	}
}

// appendEntries adds an entry for each tag that is not in has. Without tags it adds an untagged
// entry, unless the manifest has an entry.
func appendEntries(
	out []*entry, repository string, d manifest.Descriptor, tags []string, has map[string]bool,
) ([]*entry, error) {
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

// removeTag removes a tag. Its manifest keeps an untagged entry if it has no other entry. If the
// tag does not exist, the error is fs.ErrNotExist.
func removeTag(repository, tag string) change {
	return func(in []*entry) ([]*entry, error) {
		out := make([]*entry, 0, len(in))
		var moved []*entry
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

// keepUntagged adds an untagged entry for each manifest of loose that no entry in out has.
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

// removeManifest removes all entries of a manifest of a repository.
func removeManifest(repository string, d blob.Digest) change {
	return func(in []*entry) ([]*entry, error) {
		gone := func(e *entry) bool { return e.repository == repository && e.Digest == d }
		return slices.DeleteFunc(slices.Clone(in), gone), nil
	}
}
