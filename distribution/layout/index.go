package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// index is what index.json says. It is never changed once made.
type index struct {
	members map[string]json.RawMessage // of the document, beside the three that encode writes
	entries []*entry
	tags    map[string]map[string]*entry // by repository and tag; the first of several entries counts
	byPath  func() map[string][]string   // the repositories that begin with a domain, by what comes after it
}

// entry is one descriptor of index.json. Its bytes are kept, so that what other tools put there stays.
type entry struct {
	manifest.Descriptor
	repository, tag string
	raw             json.RawMessage
}

// newEntry describes a manifest under a tag, or without one.
func newEntry(repository, tag string, d manifest.Descriptor) (*entry, error) {
	d = manifest.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: entryAnnotations(repository, tag)}
	raw, err := json.Marshal(d)
	return &entry{d, repository, tag, raw}, err
}

func newIndex(members map[string]json.RawMessage, entries []*entry) *index {
	ix := &index{members: members, entries: entries, tags: map[string]map[string]*entry{}}
	ix.byPath = sync.OnceValue(ix.groupByPath)
	for _, e := range entries {
		tags := ix.tags[e.repository]
		if tags == nil {
			tags = map[string]*entry{}
			ix.tags[e.repository] = tags
		}
		if e.tag != "" && tags[e.tag] == nil {
			tags[e.tag] = e
		}
	}
	return ix
}

// parseIndex reads index.json. Entries that name no repository belong to fallback.
func parseIndex(b []byte, fallback string) (*index, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	var raws []json.RawMessage
	if m := members["manifests"]; m != nil {
		if err := json.Unmarshal(m, &raws); err != nil {
			return nil, err
		}
	}
	entries := make([]*entry, len(raws))
	for i, raw := range raws {
		e, err := parseEntry(raw, fallback)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		entries[i] = e
	}
	for _, name := range []string{"schemaVersion", "mediaType", "manifests"} {
		delete(members, name)
	}
	return newIndex(members, entries), nil
}

func parseEntry(raw json.RawMessage, fallback string) (*entry, error) {
	e := &entry{raw: raw}
	if err := json.Unmarshal(raw, &e.Descriptor); err != nil {
		return nil, err
	}
	e.repository, e.tag = entryName(e.Descriptor, fallback)
	return e, e.Descriptor.Validate()
}

// encode writes index.json with each entry on a line of its own.
func (ix *index) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"schemaVersion":2,"mediaType":%q`, manifest.MediaTypeOCIIndex)
	for _, name := range slices.Sorted(maps.Keys(ix.members)) {
		key, _ := json.Marshal(name) // a string always encodes
		fmt.Fprintf(&b, ",%s:%s", key, ix.members[name])
	}
	b.WriteString(`,"manifests":[`)
	separator := "\n"
	for _, e := range ix.entries {
		b.WriteString(separator)
		b.Write(e.raw)
		separator = ",\n"
	}
	b.WriteString("\n]}\n")
	return b.Bytes()
}

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
