package liststore

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hczjl/transship/manifest"
)

// folder is one list. Its root makes sure that symbolic links do not lead out of the store.
type folder struct {
	root *os.Root
	list string // normalised reference
	dir  string // name of its folder in root
}

func (f folder) close() { f.root.Close() }

// fileNames returns the names of the files that can be entries, sorted.
func (f folder) fileNames() ([]string, error) {
	files, err := fs.ReadDir(f.root.FS(), f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{f.list}
	}
	if err != nil {
		return nil, f.fileError(err)
	}
	var names []string
	for _, file := range files {
		kind := file.Type()
		if !isHidden(file.Name()) && (kind.IsRegular() || kind&fs.ModeSymlink != 0) {
			names = append(names, file.Name())
		}
	}
	return names, nil
}

// get returns the entry of an image. If the file of that name has another image it returns a
// *NotFoundError.
func (f folder) get(image string) (Entry, error) {
	e, err := f.read(fileName(image))
	if errors.Is(err, fs.ErrNotExist) || err == nil && e.Ref != image {
		return Entry{}, &NotFoundError{image}
	}
	return e, err
}

// checkWritable returns an error unless the image's file may be written, which it may if it is
// missing or corrupt or has that image. The error for a file of another image is a *CollisionError.
func (f folder) checkWritable(image string) error {
	e, err := f.read(fileName(image))
	if errors.Is(err, fs.ErrNotExist) || isCorrupt(err) {
		return nil
	}
	if err == nil && e.Ref != image {
		return &CollisionError{List: f.list, Have: e.Ref, Want: image}
	}
	return err
}

// read returns the entry in a file. The error for a missing file is fs.ErrNotExist, and for a file
// without a valid entry, or with one that belongs into another file, a *CorruptError.
func (f folder) read(name string) (Entry, error) {
	file, err := f.open(name)
	if err != nil {
		return Entry{}, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Entry{}, f.fileError(err)
	}
	e, err := parseEntry(b)
	if err == nil && fileName(e.Ref) != name {
		err = fmt.Errorf("it has %s, whose file would be %s", e.Ref, fileName(e.Ref))
	}
	if err != nil {
		return Entry{}, f.corrupt(name, err)
	}
	return e, nil
}

// maxFile is the maximum size of a file in bytes. It has the manifest twice, once as base64.
const maxFile = 4 * manifest.MaxSize

func parseEntry(b []byte) (e Entry, err error) {
	if len(b) > maxFile {
		return e, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	err = json.Unmarshal(b, &e)
	return e, err
}

// open opens a regular file. Opening another kind of file could block for ever.
func (f folder) open(name string) (*os.File, error) {
	path := filepath.Join(f.dir, name)
	info, err := f.root.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = f.root.Stat(path); err != nil {
			return nil, f.corrupt(name, errors.New("it is a symbolic link out of the store, or to a missing file"))
		}
	}
	if err != nil {
		return nil, f.fileError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, f.corrupt(name, errors.New("it is not a regular file"))
	}
	file, err := f.root.Open(path)
	if err != nil {
		return nil, f.fileError(err)
	}
	return file, nil
}

// corrupt returns an error about a file's content.
func (f folder) corrupt(name string, err error) error {
	return &CorruptError{File: filepath.Join(f.root.Name(), f.dir, name), List: f.list, Err: err}
}

// fileError adds the root to an error of the file system, whose path is relative to it.
func (f folder) fileError(err error) error {
	return fmt.Errorf("local manifest lists in %s: %w", f.root.Name(), err)
}

// write replaces a file atomically. The temporary file is in the root, under a name that no list
// has, since docker takes every file in a list's folder for an entry.
func (f folder) write(name string, b []byte) error {
	temp := ".transship-" + rand.Text()
	err := f.writeNew(temp, b)
	if err == nil {
		err = f.root.Rename(temp, filepath.Join(f.dir, name))
	}
	if err != nil {
		_ = f.root.Remove(temp) // the first error is returned
		return f.fileError(err)
	}
	return nil
}

func (f folder) writeNew(name string, b []byte) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// remove deletes a file, and the folder if it is empty then.
func (f folder) remove(name string) error {
	if err := f.root.Remove(filepath.Join(f.dir, name)); err != nil {
		return f.fileError(err)
	}
	err := f.root.Remove(f.dir)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) { // not empty, or already deleted
		return nil
	}
	return f.fileError(err)
}
