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
)

// ErrReadOnly is the error of every change to a folder that was opened for reading only. It is
// errors.ErrUnsupported.
var ErrReadOnly = fmt.Errorf("the image layout is open for reading only: %w", errors.ErrUnsupported)

// OpenReadOnly opens the image layout in a folder and never writes to it, so that it may lie on a
// read-only medium. Methods that would change something return [ErrReadOnly], and so does
// [Dir.Hold]; [Dir.HoldForReading] works. Everything else is as after [OpenDir], also when other
// processes change the folder.
//
// Errors are an *[ArchiveError], with [ErrNotArchive] for a folder that is no image layout and for a
// file, or those of the file system.
func OpenReadOnly(path string) (*Dir, error) {
	d := newDir(path)
	d.readOnly = true
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &ArchiveError{Path: path, Kind: ErrNotArchive, Reason: "it is no folder"}
	}
	for _, name := range []string{layoutFile, indexFile} {
		_, err := d.files.stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			reason := "the folder is no image layout: there is no " + name + " in it"
			err = &ArchiveError{Path: path, Kind: ErrNotArchive, Reason: reason}
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

// OpenExisting opens for reading only what [OpenDir] would open. Where OpenDir would create a
// layout, it returns nil. It changes nothing. The errors are those of OpenDir, except for those of
// writing.
func OpenExisting(path string) (*Dir, error) {
	d := newDir(path)
	d.readOnly = true
	err := d.ensureLayout()
	if errors.Is(err, ErrReadOnly) {
		d, err = nil, d.checkVacant()
	} else if err == nil {
		_, err = d.index()
	}
	if err != nil {
		return nil, newDir(path).openError(err)
	}
	return d, nil
}

// documentError returns err as an *ArchiveError of a document, unless it is of the file system.
func (d *Dir) documentError(name string, err error) error {
	var system *fs.PathError
	var archive *ArchiveError
	if errors.As(err, &system) || errors.As(err, &archive) {
		return err
	}
	return &ArchiveError{Path: filepath.Join(d.path, name), Kind: errorKind(err), Reason: err.Error()}
}

// checkWritable returns ErrReadOnly if the folder was opened for reading only.
func (d *Dir) checkWritable() error {
	if d.readOnly {
		return ErrReadOnly
	}
	return nil
}

// linkCache holds in memory the links that cannot be written: those of entries that have none, and of
// referrers that index.json does not name.
type linkCache struct {
	mu       sync.Mutex
	index    *index
	links    map[string]map[string]string // by repository: name to content
	nameless []referrerOf                 // below the entries that name no repository
}

// memoryLinks returns the links, name to content, that OpenDir would have written for the
// repository. They are collected when the repository is first used, and again when index.json has
// changed. If the folder is writable there are none.
func (r *Repository) memoryLinks() (map[string]string, error) {
	if !r.dir.readOnly {
		return nil, nil
	}
	ix, err := r.dir.index()
	if err != nil {
		return nil, err
	}
	if _, known := ix.tags[r.name]; !known && !r.dir.files.hasEntries(r.linkDir(manifestLinks)) {
		return nil, nil // clients may ask for any name: none is to take memory
	}
	cache := &r.dir.memoryLinks
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if cache.index != ix {
		cache.index, cache.links = ix, map[string]map[string]string{}
		cache.nameless = r.dir.namelessReferrers(ix)
	}
	if links, done := cache.links[r.name]; done {
		return links, nil
	}
	links, err := r.missingLinks(ix, cache.nameless)
	if err == nil {
		cache.links[r.name] = links
	}
	return links, err
}

// indexedRepositories returns the names of the repositories that have an entry in index.json.
func (d *Dir) indexedRepositories() ([]string, error) {
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(ix.tags))
	return slices.DeleteFunc(names, func(name string) bool { return checkRepositoryName(name) != nil }), nil
}
