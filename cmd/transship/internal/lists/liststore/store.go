package liststore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Store is the folder that holds all local lists: manifests in docker's configuration directory. Lists and images are
// named by normalised references, such as docker.io/library/halo:1.6. Nothing is created before the first Save. No
// read or write leaves Root: a symbolic link that points out of it is an error.
type Store struct{ Root string }

// Lists returns the names of the lists' folders, sorted; none where there is no store yet. A name does not say where
// "-" was ":" and "_" was "/", so that it cannot be turned back into the reference.
func (s Store) Lists() ([]string, error) {
	root, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	found, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range found {
		if f.IsDir() && !isHidden(f.Name()) {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// List returns a list's entries in the order docker pushes them: bytewise by file name. Hidden files, folders and
// whatever else is no file are passed over, though docker fails on them. A list may be empty. Errors are a
// *[NotFoundError] for an unknown list and a *[CorruptError].
func (s Store) List(list string) ([]Entry, error) {
	f, err := s.folder(list)
	if err != nil {
		return nil, err
	}
	defer f.close()
	names, err := f.names()
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		e, err := f.read(name)
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Get returns a list's entry for an image. Errors are a *[NotFoundError] that names the image, and a *[CorruptError].
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

// Save writes an entry into a list, replacing the one for the same image; the first Save makes the list. The file is
// replaced as a whole or not at all. An entry that [Entry.UnmarshalJSON] would refuse is not written; an image that
// cannot stand beside one already there is a *[CollisionError].
func (s Store) Save(list string, e Entry) error {
	if err := checkRef(list); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return fmt.Errorf("%s cannot be kept in a local manifest list: %w", e.Ref, err)
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
	if err := f.admits(e.Ref); err != nil {
		return err
	}
	return f.write(fileName(e.Ref), b)
}

// Remove deletes a list with all that is in its folder, corrupt files too. An unknown list is a *[NotFoundError].
func (s Store) Remove(list string) error {
	f, err := s.folder(list)
	if err != nil {
		return err
	}
	defer f.close()
	return f.root.RemoveAll(f.dir)
}

// RemoveEntry drops one image from a list, also where its file is corrupt, and the list with its last image. Errors
// are a *[NotFoundError] that names the image.
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

// errNoRoot is what the zero Store says.
var errNoRoot = errors.New("the store of local manifest lists has no folder: Root is empty")

// open opens the root; the error is fs.ErrNotExist before the first Save.
func (s Store) open() (*os.Root, error) {
	if s.Root == "" {
		return nil, errNoRoot
	}
	return os.OpenRoot(s.Root)
}

// folder opens a list that exists; else the error is a *NotFoundError.
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

// create opens a list, making the store and the list where they are missing, with docker's permissions.
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

// isHidden tells whether a name in the store is of no list and no image: no reference begins with a dot.
func isHidden(name string) bool { return strings.HasPrefix(name, ".") }
