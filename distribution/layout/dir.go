package layout

import (
	"context"
	"encoding/json"
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
	layoutFile    = "oci-layout"
	indexFile     = "index.json"
	blobsDir      = "blobs"
	privateDir    = ".transship"
	layoutVersion = "1.0.0"
	layoutText    = `{"imageLayoutVersion":"` + layoutVersion + `"}` + "\n"
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

// damagedError is an error of a document that cannot be read. It is ErrDamaged, unless the document is only newer.
type damagedError struct{ error }

// Is makes it ErrDamaged.
func (e damagedError) Is(target error) bool {
	return target == ErrDamaged && !errors.Is(e.error, ErrNewer)
}

// Unwrap returns what is wrong.
func (e damagedError) Unwrap() error { return e.error }

func asDamaged(err error) error {
	if err == nil {
		return nil
	}
	return damagedError{err}
}

// checkVersion reads the file oci-layout. A version that is not known here is ErrNewer.
func checkVersion(b []byte) error {
	var document struct{ ImageLayoutVersion string }
	if err := json.Unmarshal(b, &document); err != nil {
		return fmt.Errorf("%s: %w", layoutFile, err)
	}
	if document.ImageLayoutVersion == "" {
		return fmt.Errorf("%s: it does not say which version it is of", layoutFile)
	}
	if document.ImageLayoutVersion != layoutVersion {
		return fmt.Errorf("%s: %w %q is not supported, only %s", layoutFile, ErrNewer, document.ImageLayoutVersion, layoutVersion)
	}
	return nil
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
	root := d.privatePath("repositories")
	var names []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !e.IsDir() || !strings.HasPrefix(e.Name(), "_"):
			return nil
		case e.Name() == manifestLinks && !empty(path):
			file, _ := filepath.Rel(root, filepath.Dir(path)) // path is below root
			names = append(names, repositoryName(file))
		}
		return fs.SkipDir
	})
	if err == nil && d.readOnly {
		var more []string
		more, err = d.indexedRepositories()
		names = append(names, more...)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// empty tells whether no link stands in the folders of the algorithms below dir.
func empty(dir string) bool {
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		f, err := os.Open(filepath.Join(dir, string(a)))
		if err != nil {
			continue
		}
		some, _ := f.Readdirnames(1)
		f.Close()
		if len(some) > 0 {
			return false
		}
	}
	return true
}

// Repository returns the repository of that name, which need not hold anything yet. A name that is none, such as
// "../x", makes every method fail.
func (d *Dir) Repository(name string) *Repository { return &Repository{dir: d, name: name} }

// Unnamed returns the repository of entries that name none.
func (d *Dir) Unnamed() *Repository { return d.Repository(d.unnamed) }
