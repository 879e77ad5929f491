package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
)

const (
	privateDir    = ".transship"
	maxIndex      = 256 << 20 // bytes of index.json, about half a million tags
	manifestLinks = "_manifests"
	blobLinks     = "_blobs"
	referrerLinks = "_referrers"
)

// Dir is an image layout in a folder, open for reading and writing. Its methods may be called concurrently, and other
// processes may have the same folder open.
type Dir struct {
	path    string
	unnamed string // of the repository of entries that name none

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

// OpenDir opens the image layout in a folder, and makes one where there is no folder or an empty one. Temporary files
// that killed processes left are removed. Entries of index.json that another tool wrote are made part of the
// repositories that they name; those that name none are put into one called like the folder.
//
// Errors: a folder with other things in it, ErrNewer for an unknown layout version, ErrDamaged for an index.json that
// cannot be read.
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

// prepare checks the layout's version, and makes the layout if there is none.
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

// make writes an empty layout. Whoever is killed in the middle of it left nothing but the names below.
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
	// An index.json from another process that is making the same layout must stay.
	if err := d.update(func(in []*entry) ([]*entry, error) { return in, nil }); err != nil {
		return err
	}
	return d.writeFile(filepath.Join(d.path, layoutFile), []byte(layoutText))
}

// vacant refuses a folder with other things in it.
func (d *Dir) checkVacant() error {
	there, err := os.ReadDir(d.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range there {
		if !slices.Contains([]string{layoutFile, indexFile, blobsDir, privateDir, "lost+found"}, e.Name()) {
			return fmt.Errorf("the folder has no %s and is not empty: %s", layoutFile, e.Name())
		}
	}
	return nil
}

// private returns a path in the folder that other tools ignore.
func (d *Dir) privatePath(parts ...string) string {
	return filepath.Join(d.path, privateDir, filepath.Join(parts...))
}

// blobPath returns where a blob lies. The digest must be valid.
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

// walkLinks calls visit for each folder of links, such as _manifests, with the repository that it belongs to.
func (d *Dir) walkLinks(ctx context.Context, visit func(repository, dir string)) error {
	root := d.privatePath("repositories")
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !e.IsDir() || !strings.HasPrefix(e.Name(), "_"):
			return nil
		}
		file, _ := filepath.Rel(root, filepath.Dir(path)) // path is below root
		visit(repositoryName(file), path)
		return fs.SkipDir
	})
}

// hasLinks reports whether dir holds a link, in the folder of one of the algorithms.
func hasLinks(dir string) bool {
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		f, err := os.Open(filepath.Join(dir, string(a)))
		if err != nil {
			continue
		}
		names, _ := f.Readdirnames(1)
		f.Close()
		if len(names) > 0 {
			return true
		}
	}
	return false
}

// Repository returns the repository of that name, which need not hold anything yet. A name that is none, such as
// "../x", makes every method fail.
func (d *Dir) Repository(name string) *Repository { return &Repository{dir: d, name: name} }

// Unnamed returns the repository of entries that name none.
func (d *Dir) Unnamed() *Repository { return d.Repository(d.unnamed) }

// Named returns the names of the repositories that are path with the domain of a registry before it, sorted:
// docker.io/hczjl/halo and registry.example/hczjl/halo for hczjl/halo. It knows those that index.json has entries of.
func (d *Dir) Named(path string) ([]string, error) {
	ix, err := d.index()
	if err != nil {
		return nil, err
	}
	return slices.Clone(ix.byPath()[path]), nil
}
