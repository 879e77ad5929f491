package layout

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// buildLinks creates the links of entries that have none: those that another tool added, or all of
// them if the folder was copied without .transship. If index.json is not locked, the error is errUnlinked instead.
func (d *Dir) buildLinks(ix *index, locked bool) error {
	var nameless []manifest.Descriptor // that had no links
	for _, e := range ix.entries {
		r := d.Repository(e.repository)
		if r.validate(e.Digest) != nil {
			continue // a name that no repository can have
		}
		_, err := r.dir.files.stat(r.linkName(manifestLinks, e.Digest))
		if errors.Is(err, fs.ErrNotExist) && !locked && d.files.exists(blobName(e.Digest)) {
			return errUnlinked
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = r.buildLinks(e.Descriptor)
			if e.repository == d.unnamed {
				nameless = append(nameless, e.Descriptor)
			}
		}
		if err != nil {
			return err
		}
	}
	return d.buildReferrerLinks(ix, referrersBelow(nameless, d.loadManifest))
}

// buildReferrerLinks creates the links of nameless referrers in the repositories of their subjects.
func (d *Dir) buildReferrerLinks(ix *index, nameless []referrerOf) error {
	var failed error
	for name := range ix.tags {
		if name == d.unnamed || checkRepositoryName(name) != nil {
			continue
		}
		b := linkBuilder{repository: d.Repository(name)}
		adoptReferrers(nameless, b.hasManifest, func(m manifest.Descriptor) {
			failed = cmp.Or(failed, b.repository.buildLinks(m))
		})
	}
	return failed
}

// loadManifest reads a manifest, whatever repository it is in. Of the descriptor only the digest and
// the media type are used.
func (d *Dir) loadManifest(of manifest.Descriptor) (manifest.Manifest, error) {
	raw, err := d.files.readFile(blobName(of.Digest), manifest.MaxSize)
	if err == nil {
		err = blob.Verify(raw, of.Digest, int64(len(raw)))
	}
	if err != nil {
		return manifest.Manifest{}, err
	}
	return parseManifest(of, raw)
}

// buildLinks creates the links of a manifest and of everything that it refers to. The manifest's
// own link is written last, when the others are on the disk. Until then the links count as missing.
func (r *Repository) buildLinks(root manifest.Descriptor) error {
	b := linkBuilder{repository: r, links: map[string]string{}}
	if !b.addManifest(root) {
		return nil // its bytes are not there
	}
	own := r.linkName(manifestLinks, root.Digest)
	mediaType := b.links[own]
	delete(b.links, own)
	for name, content := range b.links {
		if err := r.dir.files.makeDir(path.Dir(name)); err != nil {
			return err
		}
		if err := r.dir.files.writeFile(name, []byte(content)); err != nil {
			return err
		}
	}
	if err := r.dir.files.syncDirs(maps.Keys(b.links)); err != nil {
		return err
	}
	return r.dir.writeFile(own, []byte(mediaType))
}

// linkBuilder collects the links of manifests and of everything that they refer to.
type linkBuilder struct {
	repository *Repository
	links      map[string]string // name to content
}

// addManifest adds the links of a manifest and of what it refers to. It reports whether the
// manifest's bytes are there.
func (b *linkBuilder) addManifest(d manifest.Descriptor) bool {
	link := b.repository.linkName(manifestLinks, d.Digest)
	if _, done := b.links[link]; done {
		return true
	}
	raw, err := b.repository.dir.files.readFile(blobName(d.Digest), manifest.MaxSize)
	if errors.Is(err, errTooLarge) || errors.Is(err, ErrIrregular) {
		b.links[link] = d.MediaType // Manifest says so
		return true
	}
	if err != nil {
		return false
	}
	b.links[link] = d.MediaType
	m, err := manifest.Parse(d.MediaType, raw)
	if err != nil {
		return true // not an image, but still an entry
	}
	b.links[link] = m.MediaType
	if subject, err := subjectOf(m); err == nil && subject != "" {
		b.links[b.repository.referrerName(subject, d.Digest)] = ""
	}
	refs, _ := m.References() // Parse has read them
	for _, ref := range refs {
		if !manifest.IsIndex(m.MediaType) || !b.isManifest(ref) || !b.addManifest(ref) {
			b.addBlob(ref)
		}
	}
	return true
}

// isManifest reports whether an entry of an index is a manifest: by its media type, or by its bytes
// if that is unknown.
func (b *linkBuilder) isManifest(d manifest.Descriptor) bool {
	if manifest.IsManifest(d.MediaType) || manifest.IsBlob(d.MediaType) {
		return manifest.IsManifest(d.MediaType)
	}
	raw, err := b.repository.dir.files.readFile(blobName(d.Digest), manifest.MaxSize)
	if err == nil {
		_, err = manifest.Parse(d.MediaType, raw)
	}
	return !d.MayBeBlob(err)
}

// addBlob adds the link of a blob if it is there.
func (b *linkBuilder) addBlob(d manifest.Descriptor) {
	if b.repository.dir.files.exists(blobName(d.Digest)) {
		b.links[b.repository.linkName(blobLinks, d.Digest)] = ""
	}
}

// hasManifest reports whether the repository has a manifest, on the disk or among the links.
func (b *linkBuilder) hasManifest(d blob.Digest) bool {
	name := b.repository.linkName(manifestLinks, d)
	_, collected := b.links[name]
	return collected || b.repository.dir.files.exists(name)
}

// namelessReferrers returns the referrers below the entries that name no repository.
func (d *Dir) namelessReferrers(ix *index) []referrerOf {
	var nameless []manifest.Descriptor
	for _, e := range ix.entries {
		if e.repository == d.unnamed {
			nameless = append(nameless, e.Descriptor)
		}
	}
	return referrersBelow(nameless, d.loadManifest)
}

// missingLinks collects the links of the repository's entries that have none, and those of nameless
// referrers to what it has.
func (r *Repository) missingLinks(ix *index, nameless []referrerOf) (map[string]string, error) {
	b := linkBuilder{repository: r, links: map[string]string{}}
	for _, e := range ix.entries {
		if e.repository != r.name || r.validate(e.Digest) != nil {
			continue
		}
		_, err := r.dir.files.stat(r.linkName(manifestLinks, e.Digest))
		if errors.Is(err, fs.ErrNotExist) {
			b.addManifest(e.Descriptor)
		} else if err != nil {
			return nil, err
		}
	}
	if r.name != r.dir.unnamed { // which has them
		adoptReferrers(nameless, b.hasManifest, func(d manifest.Descriptor) { b.addManifest(d) })
	}
	return b.links, nil
}
