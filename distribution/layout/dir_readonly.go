package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hczjl/transship/manifest"
)

// ErrReadOnly says that a folder was opened for reading only. It is errors.ErrUnsupported.
var ErrReadOnly = fmt.Errorf("the image layout is open for reading only: %w", errors.ErrUnsupported)

// OpenReadOnly opens the image layout in a folder and never writes there, so that it may lie on a medium that cannot be
// written. Every method that would change something is [ErrReadOnly], and so is [Dir.Hold]; [Dir.HoldReading] is not. Otherwise the folder shows
// itself as one that [OpenDir] opened, also as other processes change it.
//
// Errors are an *[ArchiveError], of the kind [ErrNotArchive] for a folder that is no image layout, or those of the file
// system.
func OpenReadOnly(path string) (*Dir, error) {
	d := &Dir{path: path, unnamed: fallbackName(path), readOnly: true}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	for _, name := range []string{layoutFile, indexFile} {
		_, err := os.Stat(filepath.Join(path, name))
		if errors.Is(err, fs.ErrNotExist) {
			err = &ArchiveError{Path: path, Kind: ErrNotArchive, Reason: "the folder is no image layout: there is no " + name + " in it"}
		}
		if err != nil {
			return nil, err
		}
	}
	if err := d.ensureLayout(); err != nil {
		return nil, d.documentError(layoutFile, err)
	}
	if _, err := d.index(); err != nil {
		return nil, d.documentError(indexFile, err)
	}
	return d, nil
}

// OpenExisting opens for reading only what [OpenDir] would open, and returns nil where that would make a new layout.
// Nothing is changed. The errors are OpenDir's, but for those of writing.
func OpenExisting(path string) (*Dir, error) {
	d := &Dir{path: path, unnamed: fallbackName(path), readOnly: true}
	err := d.ensureLayout()
	if errors.Is(err, ErrReadOnly) {
		d, err = nil, d.checkVacant()
	} else if err == nil {
		_, err = d.index()
	}
	if err != nil {
		return nil, fmt.Errorf("image layout %s: %w", path, err)
	}
	return d, nil
}

// unusable is the error of a document that can be read and not understood.
func (d *Dir) documentError(name string, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		return err
	}
	return &ArchiveError{Path: filepath.Join(d.path, name), Kind: errorKind(err), Reason: err.Error()}
}

// writable refuses to change a folder that was opened for reading only.
func (d *Dir) checkWritable() error {
	if d.readOnly {
		return ErrReadOnly
	}
	return nil
}

// adopted keeps in memory the links that cannot be written: those of entries that have none.
type linkCache struct {
	mu    sync.Mutex
	index *index
	links map[string]map[string]string // by repository: path and content
}

// adopted returns the path and content of the links that [OpenDir] would have written for the repository. They are
// collected when the repository is first asked for something, and again when index.json has changed.
func (r *Repository) memoryLinks() (map[string]string, error) {
	if !r.dir.readOnly {
		return nil, nil
	}
	ix, err := r.dir.index()
	if err != nil {
		return nil, err
	}
	a := &r.dir.memoryLinks
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.index != ix {
		a.index, a.links = ix, map[string]map[string]string{}
	}
	if links, done := a.links[r.name]; done {
		return links, nil
	}
	links, err := r.missingLinks(ix)
	if err == nil {
		a.links[r.name] = links
	}
	return links, err
}

// adoptable collects the links of the repository's entries that have none.
func (r *Repository) missingLinks(ix *index) (map[string]string, error) {
	a := linkBuilder{repository: r, links: map[string]string{}}
	for _, e := range ix.entries {
		if e.repository != r.name || r.validate(e.Digest) != nil {
			continue
		}
		_, err := os.Stat(r.linkPath(manifestLinks, e.Digest))
		if errors.Is(err, fs.ErrNotExist) {
			a.addManifest(e.Descriptor)
		} else if err != nil {
			return nil, err
		}
	}
	return a.links, nil
}

// entered returns the names of the repositories that index.json has entries of.
func (d *Dir) indexedRepositories() ([]string, error) {
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(ix.tags))
	return slices.DeleteFunc(names, func(name string) bool { return checkRepositoryName(name) != nil }), nil
}

// readLink returns the content of a link, on the disk or in memory. One that is not there is fs.ErrNotExist.
func (r *Repository) readLink(name string) (string, error) {
	content, err := readFile(name, manifest.MaxSize)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(content), err
	}
	links, errAdopted := r.memoryLinks()
	if errAdopted != nil {
		return "", errAdopted
	}
	if content, found := links[name]; found {
		return content, nil
	}
	return "", err
}

// linksIn returns the names of the links in a folder, sorted.
func (r *Repository) linksIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	links, err := r.memoryLinks()
	for name := range links {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}
