package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
)

const (
	privateDir = ".transship"
	maxIndex   = 256 << 20 // bytes of index.json, about half a million tags
)

// Dir is an image layout in a folder. Its methods may be called concurrently, and other processes
// may have the same folder open.
type Dir struct {
	path    string
	unnamed string // the repository of entries that name none

	mu          sync.RWMutex
	current     *index
	currentInfo fs.FileInfo // of the index.json that current was read from

	pendingMu sync.Mutex
	pending   []*pendingChange
	writeMu   sync.Mutex

	contentLock contentLock

	readOnly    bool
	memoryLinks linkCache
}

// OpenDir opens the image layout in a folder for reading and writing. If the folder is missing or
// empty, it creates a layout there. It removes temporary files of killed processes. Entries of
// index.json that another tool wrote become part of the repositories that they name; entries that
// name none go into a repository named after the folder.
//
// Errors: a folder that is neither empty nor an image layout, [ErrNewer] for an unknown layout
// version, [ErrDamaged] for an oci-layout or index.json that cannot be parsed, and those of the
// file system.
func OpenDir(path string) (*Dir, error) {
	d := &Dir{path: path, unnamed: fallbackName(path)}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("image layout %s: %w", path, err)
	}
	return d, nil
}

func (d *Dir) open() error {
	if err := d.ensureLayout(); err != nil {
		return err
	}
	if err := d.removeAbandoned(); err != nil {
		return err
	}
	_, err := d.index()
	return err
}

// ensureLayout checks the version of the layout, or creates a layout if there is none.
func (d *Dir) ensureLayout() error {
	b, err := readFile(filepath.Join(d.path, layoutFile), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return d.create()
	}
	if err != nil {
		return err
	}
	return asDamaged(checkVersion(b))
}

// create writes an empty layout, oci-layout last. A process killed before that leaves only files
// that checkVacant accepts.
func (d *Dir) create() error {
	if err := d.checkWritable(); err != nil {
		return err
	}
	if err := d.checkVacant(); err != nil {
		return err
	}
	if err := makeDir(filepath.Join(d.path, blobsDir)); err != nil {
		return err
	}
	// Another process may be creating the same layout: its index.json must stay.
	if err := d.update(func(in []*entry) ([]*entry, error) { return in, nil }); err != nil {
		return err
	}
	return d.writeFile(filepath.Join(d.path, layoutFile), []byte(layoutText))
}

// checkVacant returns an error if the folder holds anything that create has not written.
func (d *Dir) checkVacant() error {
	entries, err := readDir(d.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains([]string{layoutFile, indexFile, blobsDir, privateDir, "lost+found"}, e.Name()) {
			return fmt.Errorf("the folder has no %s and is not empty: %s", layoutFile, e.Name())
		}
	}
	return nil
}

// privatePath returns a path below .transship.
func (d *Dir) privatePath(names ...string) string {
	return filepath.Join(d.path, privateDir, filepath.Join(names...))
}

// blobPath returns the path of a blob. The digest must be valid: it becomes a path.
func (d *Dir) blobPath(digest blob.Digest) string {
	return filepath.Join(d.path, blobsDir, string(digest.Algorithm()), digest.Hex())
}

// Repositories returns the names of the repositories that hold a manifest, sorted.
func (d *Dir) Repositories(ctx context.Context) ([]string, error) {
	var names []string
	err := d.walkLinks(ctx, func(repository, dir string) {
		if filepath.Base(dir) == manifestLinks && hasLinks(dir) {
			names = append(names, repository)
		}
	})
	if err == nil && d.readOnly {
		var more []string
		more, err = d.indexedRepositories()
		names = append(names, more...)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// Repository returns the repository with that name, which need not hold anything yet. With a name
// that no repository can have, such as "../x", every method of it fails.
func (d *Dir) Repository(name string) *Repository { return &Repository{dir: d, name: name} }

// Unnamed returns the repository of entries that name none. It is named after the folder.
func (d *Dir) Unnamed() *Repository { return d.Repository(d.unnamed) }

// RepositoriesWithPath returns the names of the repositories that are path with the domain of a
// registry before it, sorted: for hczjl/halo those are docker.io/hczjl/halo,
// registry.example/hczjl/halo and the like. It only knows repositories that have an entry in
// index.json.
func (d *Dir) RepositoriesWithPath(path string) ([]string, error) {
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	return slices.Clone(ix.byPath()[path]), nil
}
