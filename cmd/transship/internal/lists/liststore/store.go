package liststore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Store is the folder of all local lists, which is manifests in docker's configuration directory.
// Lists and images are named by normalised references, such as docker.io/library/halo:1.6. The
// first Save creates the folder. Reads and writes stay in Root: a symbolic link out of it is an
// error.
type Store struct{ Root string }

// Lists returns the names of the lists' folders, sorted. It returns none if Root does not exist. A
// name cannot be converted back into the reference, since "-" can stand for ":" and "_" for "/".
func (s Store) Lists() ([]string, error) {
	root, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if f.IsDir() && !isHidden(f.Name()) {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// List returns a list's entries in the order in which docker pushes them, bytewise by file name. It
// skips hidden files and everything that is not a file; docker fails on these. A list may be empty.
// Errors are a *[NotFoundError] for an unknown list and a *[CorruptError].
func (s Store) List(list string) ([]Entry, error) {
	f, err := s.folder(list)
	if err != nil {
		return nil, err
	}
	defer f.close()
	names, err := f.fileNames()
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		e, err := f.read(name)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Get returns a list's entry for an image. Errors are a *[NotFoundError] with the image's name and
// a *[CorruptError].
func (s Store) Get(list, image string) (Entry, error) {
	if err := checkRef(image); err != nil {
		return Entry{}, err
	}
	f, err := s.folder(list)
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, &NotFoundError{image}
	}
	if err != nil {
		return Entry{}, err
	}
	defer f.close()
	return f.get(image)
}

// Save writes an entry into a list and replaces the one for the same image. It creates the list if
// needed, and replaces the file atomically. It returns an error for an entry that
// [Entry.UnmarshalJSON] would refuse, and a *[CollisionError] if the file has another image.
func (s Store) Save(list string, e Entry) error {
	if err := checkRef(list); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("%s cannot be stored in a local manifest list: %w", e.Ref, err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := s.create(list)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.checkWritable(e.Ref); err != nil {
		return err
	}
	return f.write(fileName(e.Ref), b)
}

// Remove deletes a list with its folder, corrupt files included. The error for an unknown list is a
// *[NotFoundError].
func (s Store) Remove(list string) error {
	f, err := s.folder(list)
	if err != nil {
		return err
	}
	defer f.close()
	return f.root.RemoveAll(f.dir)
}

// RemoveEntry removes an image from a list, even if its file is corrupt, and with the last image
// also the list. The error for an unknown image is a *[NotFoundError] with its name.
func (s Store) RemoveEntry(list, image string) error {
	if err := checkRef(image); err != nil {
		return err
	}
	f, err := s.folder(list)
	if errors.Is(err, fs.ErrNotExist) {
		return &NotFoundError{image}
	}
	if err != nil {
		return err
	}
	defer f.close()
	if _, err := f.get(image); err != nil && !isCorrupt(err) {
		return err
	}
	return f.remove(fileName(image))
}

// errNoRoot is the error of the zero Store.
var errNoRoot = errors.New("the store of local manifest lists has no folder: Root is empty")

// open opens the root. The error is fs.ErrNotExist before the first Save.
func (s Store) open() (*os.Root, error) {
	if s.Root == "" {
		return nil, errNoRoot
	}
	return os.OpenRoot(s.Root)
}

// folder opens a list. The error is a *NotFoundError if it does not exist.
func (s Store) folder(list string) (folder, error) {
	if err := checkRef(list); err != nil {
		return folder{}, err
	}
	root, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return folder{}, &NotFoundError{list}
	}
	if err != nil {
		return folder{}, err
	}
	f := folder{root: root, list: list, dir: fileName(list)}
	_, err = root.Lstat(f.dir)
	if err == nil {
		return f, nil
	}
	f.close()
	if errors.Is(err, fs.ErrNotExist) {
		return folder{}, &NotFoundError{list}
	}
	return folder{}, err
}

// create opens a list and creates the store and the list if needed, with docker's permissions.
func (s Store) create(list string) (folder, error) {
	if s.Root == "" {
		return folder{}, errNoRoot
	}
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return folder{}, err
	}
	root, err := s.open()
	if err != nil {
		return folder{}, err
	}
	f := folder{root: root, list: list, dir: fileName(list)}
	if err := root.MkdirAll(f.dir, 0o755); err != nil {
		f.close()
		return folder{}, err
	}
	return f, nil
}

// isHidden reports whether a name cannot be that of a list or an image: no reference begins with a
// dot.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") }
