package layout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hczjl/transship/manifest"
)

// adopt makes the links of entries that have none: those that another tool entered, and all of them where the links
// were not copied along with the folder.
func (d *Dir) buildLinks(ix *index) error {
	for _, e := range ix.entries {
		r := d.Repository(e.repository)
		if r.validate(e.Digest) != nil {
			continue // a name that no repository can have
		}
		_, err := os.Stat(r.linkPath(manifestLinks, e.Digest))
		if errors.Is(err, fs.ErrNotExist) {
			err = r.buildLinks(e.Descriptor)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// adopt links a manifest and all there is below it. The manifest's own link comes last, when the others are on the
// disk: until then the work counts as not done.
func (r *Repository) buildLinks(root manifest.Descriptor) error {
	a := linkBuilder{repository: r, links: map[string]string{}}
	if !a.addManifest(root) {
		return nil // its bytes are not there
	}
	own := r.linkPath(manifestLinks, root.Digest)
	dirs := map[string]bool{}
	for name, content := range a.links {
		if name == own {
			continue
		}
		dirs[filepath.Dir(name)] = true
		if err := makeDir(filepath.Dir(name)); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			return err
		}
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	return r.dir.writeFile(own, []byte(a.links[own]))
}

// adoption collects the links of one manifest and those below it.
type linkBuilder struct {
	repository *Repository
	links      map[string]string // path and content
}

// manifest collects a manifest and what is below it, and tells whether its bytes are there.
func (a *linkBuilder) addManifest(d manifest.Descriptor) bool {
	link := a.repository.linkPath(manifestLinks, d.Digest)
	if _, done := a.links[link]; done {
		return true
	}
	raw, err := readFile(a.repository.dir.blobPath(d.Digest), manifest.MaxSize)
	if err != nil {
		return false
	}
	a.links[link] = d.MediaType
	m, err := manifest.Parse(d.MediaType, raw)
	if err != nil {
		return true // no image, but an entry all the same
	}
	a.links[link] = m.MediaType
	if subject, err := subjectOf(m); err == nil && subject != "" {
		a.links[a.repository.referrerPath(subject, d.Digest)] = ""
	}
	refs, _ := m.References() // Parse has read them
	for _, ref := range refs {
		a.addRef(ref)
	}
	return true
}

// below collects what a manifest refers to, where it is there.
func (a *linkBuilder) addRef(d manifest.Descriptor) {
	if manifest.IsManifest(d.MediaType) && a.addManifest(d) {
		return
	}
	if exists(a.repository.dir.blobPath(d.Digest)) {
		a.links[a.repository.linkPath(blobLinks, d.Digest)] = ""
	}
}

func removeLink(name string) error {
	if err := os.Remove(name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}
