package layout

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// index is the content of index.json. It is immutable.
type index struct {
	members map[string]json.RawMessage // of the document, other than the three that encode writes
	entries []*entry
	tags    map[string]map[string]*entry // by repository and tag; the first of several entries counts
	byPath  func() map[string][]string   // repositories whose names begin with a domain, by the rest of the name
}

// entry is one descriptor of index.json. Its bytes are kept, so that what other tools put there
// stays.
type entry struct {
	manifest.Descriptor
	repository, tag string
	raw             json.RawMessage
}

// newEntry returns an entry for a manifest under a tag, or without one if tag is "".
func newEntry(repository, tag string, d manifest.Descriptor) (*entry, error) {
	d = manifest.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	d.Annotations = entryAnnotations(repository, tag)
	raw, err := json.Marshal(d)
	return &entry{d, repository, tag, raw}, err
}

func newIndex(members map[string]json.RawMessage, entries []*entry) *index {
	ix := &index{members: members, entries: entries, tags: map[string]map[string]*entry{}}
	ix.byPath = sync.OnceValue(ix.groupByPath)
	for _, e := range entries {
		ix.addTag(e)
	}
	return ix
}

func (ix *index) addTag(e *entry) {
	tags := ix.tags[e.repository]
	if tags == nil {
		tags = map[string]*entry{}
		ix.tags[e.repository] = tags
	}
	if e.tag != "" && tags[e.tag] == nil {
		tags[e.tag] = e
	}
}

// with returns the index with other entries. Both share the tags of the repositories whose entries are the
// same, which are nearly all.
func (ix *index) with(entries []*entry) *index {
	out := &index{members: ix.members, entries: entries, tags: maps.Clone(ix.tags)}
	out.byPath = sync.OnceValue(out.groupByPath)
	changed := changedRepositories(ix.entries, entries)
	for repository := range changed {
		delete(out.tags, repository)
	}
	for _, e := range entries {
		if changed[e.repository] {
			out.addTag(e)
		}
	}
	return out
}

// changedRepositories returns the repositories that have other entries now, or have them in another order.
func changedRepositories(before, now []*entry) map[string]bool {
	changed := map[string]bool{}
	for _, e := range before {
		if len(now) > 0 && now[0] == e {
			now = now[1:]
		} else {
			changed[e.repository] = true
		}
	}
	for _, e := range now {
		changed[e.repository] = true
	}
	return changed
}

// parseIndex parses index.json. Entries that name no repository belong to fallback.
func parseIndex(b []byte, fallback string) (*index, error) {
	var document indexDocument
	if err := manifest.Decode(b, &document); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	if err := checkIsIndex(document.MediaType, members); err != nil {
		return nil, err
	}
	entries := make([]*entry, len(document.Manifests))
	for i, raw := range document.Manifests {
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

// indexDocument is the JSON of index.json, as far as its members are known.
type indexDocument struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Manifests     []json.RawMessage `json:"manifests"` // null in what docker 25 saves by ID
}

// checkIsIndex returns an error for an index.json that another reader could take for an image
// (CVE-2021-41190).
func checkIsIndex(mediaType string, members map[string]json.RawMessage) error {
	if manifest.IsManifest(mediaType) && !manifest.IsIndex(mediaType) {
		return fmt.Errorf("%w: its media type is %s", manifest.ErrAmbiguous, mediaType)
	}
	for _, name := range []string{"config", "layers", "blobs"} {
		if members[name] != nil {
			return fmt.Errorf("%w: it has both manifests and %s", manifest.ErrAmbiguous, name)
		}
	}
	return nil
}

func parseEntry(raw json.RawMessage, fallback string) (*entry, error) {
	e := &entry{raw: raw}
	if err := json.Unmarshal(raw, &e.Descriptor); err != nil {
		return nil, err
	}
	e.repository, e.tag = entryName(e.Descriptor, fallback)
	return e, e.Descriptor.Validate()
}

// encode returns index.json with one entry on each line.
func (ix *index) encode() []byte {
	var b bytes.Buffer
	_ = ix.write(&b) // a buffer takes everything
	return b.Bytes()
}

// size returns about how many bytes encode returns, and never less.
func (ix *index) size() int {
	size := 1 << 10
	for name, value := range ix.members {
		size += 6*len(name) + len(value) + len(`,"":`) // a byte of a name may become one of JSON's escapes
	}
	for _, e := range ix.entries {
		size += len(e.raw) + len(",\n")
	}
	return size
}

// write writes what encode returns, which may have megabytes, in pieces of up to 64 KiB.
func (ix *index) write(to io.Writer) error {
	b := bufio.NewWriterSize(to, min(ix.size(), 64<<10))
	fmt.Fprintf(b, `{"schemaVersion":2,"mediaType":%q`, manifest.MediaTypeOCIIndex)
	for _, name := range slices.Sorted(maps.Keys(ix.members)) {
		key, _ := json.Marshal(name) // a string always encodes
		fmt.Fprintf(b, ",%s:%s", key, ix.members[name])
	}
	b.WriteString(`,"manifests":[`)
	separator := "\n"
	for _, e := range ix.entries {
		b.WriteString(separator)
		b.Write(e.raw)
		separator = ",\n"
	}
	b.WriteString("\n]}\n")
	return b.Flush() // the first error of any write
}

// groupByPath returns the repositories whose names begin with a domain, by the rest of the name.
func (ix *index) groupByPath() map[string][]string {
	out := map[string][]string{}
	for name := range ix.tags {
		if !reference.HasDomain(name) {
			continue // most names: to parse them takes longer
		}
		if ref, err := reference.ParseRepository(name); err == nil && ref.Name() == name {
			out[ref.Path] = append(out[ref.Path], name)
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
}
