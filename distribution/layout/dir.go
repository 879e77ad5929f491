package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
)

// Names in a layout that only this package uses and writes to.
const (
	privateDir      = ".transship"
	tempDir         = privateDir + "/tmp"
	linksDir        = privateDir + "/repositories"
	indexLock       = privateDir + "/index.lock"
	contentLockFile = privateDir + "/content.lock"
	pendingLockFile = privateDir + "/pending.lock"
)

// maxIndex is the maximum size of index.json in bytes, about half a million tags.
const maxIndex = 256 << 20

// Dir is an image layout in a folder. Its methods may be called concurrently, and other processes
// may have the same folder open.
type Dir struct {
	path    string
	files   *folder // at path; all that is read and written there goes through it
	unnamed string  // the repository of entries that name none
	place   func() string

	mu          sync.RWMutex
	current     *index
	currentInfo fs.FileInfo // of the index.json that current was read from
	next        *index      // being written, and what readers find from the moment when it has its name
	nextInfo    fs.FileInfo

	pendingMu sync.Mutex
	pending   []*pendingChange
	writeMu   sync.Mutex

	contentLock contentLock
	owner       tempOwner

	readOnly    bool
	memoryLinks linkCache
}

// OpenDir opens the image layout in a folder for reading and writing. If the folder is missing or
// empty, it creates a layout there. It removes temporary files of killed processes. Entries of
// index.json that another tool wrote become part of the repositories that they name; entries that
// name none go into a repository named after the folder.
//
// The folder may be a symbolic link, but in it there may be only folders and regular files. Anything
// else is [ErrIrregular], here or when it is met later, so that a foreign folder leads to no file outside
// of it.
//
// Other errors: a folder that is neither empty nor an image layout, [ErrNewer] for an unknown layout
// version, [ErrDamaged] for an oci-layout or index.json that cannot be parsed, and those of the
// file system.
func OpenDir(path string) (*Dir, error) {
	d := newDir(path)
	if err := d.open(); err != nil {
		return nil, d.openError(err)
	}
	return d, nil
}

func newDir(path string) *Dir {
	return &Dir{
		path: path, files: &folder{dir: path}, unnamed: fallbackName(path),
		place: sync.OnceValue(func() string { return Place(path) }),
	}
}

// openError adds the folder to an error, unless that names a file of it.
func (d *Dir) openError(err error) error {
	if errors.Is(err, ErrIrregular) {
		return err
	}
	return fmt.Errorf("image layout %s: %w", d.path, err)
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
	if err := d.checkKinds(); err != nil {
		return err
	}
	b, err := d.files.readFile(layoutFile, 1<<20)
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
	if err := makeDir(d.path); err != nil {
		return err
	}
	if err := d.files.makeDir(blobsDir); err != nil {
		return err
	}
	// Another process may be creating the same layout: its index.json must stay.
	if err := d.update(func(in []*entry) ([]*entry, error) { return in, nil }); err != nil {
		return err
	}
	return d.writeFile(layoutFile, []byte(layoutText))
}

// checkKinds returns an error if one of the files and folders that layouts have is of another kind.
// So each command refuses a link, also one that would not use it, or only after hours of work.
func (d *Dir) checkKinds() error {
	for _, name := range []string{
		blobsDir + "/" + string(blob.SHA256), blobsDir + "/" + string(blob.SHA512), tempDir, linksDir,
	} {
		if err := d.files.checkDirAt(name); err != nil {
			return err
		}
	}
	for _, name := range []string{layoutFile, indexFile, indexLock, contentLockFile, pendingLockFile} {
		if _, err := d.files.stat(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// checkVacant returns an error if the folder holds anything that create has not written.
func (d *Dir) checkVacant() error {
	entries, err := d.files.readDir(".")
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

// Repositories returns the names of the repositories that hold a manifest, sorted.
func (d *Dir) Repositories(ctx context.Context) ([]string, error) {
	var names []string
	err := d.walkLinks(ctx, func(repository, dir string) {
		if repository != "" && path.Base(dir) == manifestLinks && d.hasLinks(dir) {
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
