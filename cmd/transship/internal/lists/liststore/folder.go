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

// folder is one list, under a root that symbolic links cannot leave.
type folder struct {
	root *os.Root
	list string // normalised reference
	dir  string // its file name in root
}

func (f folder) close() { f.root.Close() }

// names returns the files that can be entries, sorted.
func (f folder) names() ([]string, error) {
	found, err := fs.ReadDir(f.root.FS(), f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{f.list}
	}
	if err != nil {
		return nil, f.failed(err)
	}
	var names []string
	for _, file := range found {
		kind := file.Type()
		if !isHidden(file.Name()) && (kind.IsRegular() || kind&fs.ModeSymlink != 0) {
			names = append(names, file.Name())
		}
	}
	return names, nil
}

// get returns the entry for an image. A file of that name that holds another image is not it.
func (f folder) get(image string) (Entry, error) {
	e, err := f.read(fileName(image))
	if errors.Is(err, fs.ErrNotExist) || err == nil && e.Ref != image {
		return Entry{}, &NotFoundError{image}
	}
	return e, err
}

// admits tells whether the image's file may be written: it is missing, corrupt or the image's own. The error for
// another image's file is a *CollisionError.
func (f folder) admits(image string) error {
	e, err := f.read(fileName(image))
	if errors.Is(err, fs.ErrNotExist) || isCorrupt(err) {
		return nil
	}
	if err == nil && e.Ref != image {
		return &CollisionError{List: f.list, Have: e.Ref, Want: image}
	}
	return err
}

// read returns the entry in a file. A missing file is fs.ErrNotExist; a file that holds no entry, or one that belongs
// elsewhere, is a *CorruptError.
func (f folder) read(name string) (Entry, error) {
	file, err := f.open(name)
	if err != nil {
		return Entry{}, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return Entry{}, f.failed(err)
	}
	e, err := parse(b)
	if err == nil && fileName(e.Ref) != name {
		err = fmt.Errorf("it holds %s, whose file would be %s", e.Ref, fileName(e.Ref))
	}
	if err != nil {
		return Entry{}, f.corrupt(name, err)
	}
	return e, nil
}

// maxFile is the largest file that is read, in bytes: the manifest is in it twice, once as base64.
const maxFile = 4 * manifest.MaxSize

func parse(b []byte) (e Entry, err error) {
	if len(b) > maxFile {
		return e, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	err = json.Unmarshal(b, &e)
	return e, err
}

// open opens a regular file; to open another kind could take for ever.
func (f folder) open(name string) (*os.File, error) {
	path := filepath.Join(f.dir, name)
	info, err := f.root.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = f.root.Stat(path); err != nil {
			return nil, f.corrupt(name, errors.New("it is a symbolic link to nowhere in the store"))
		}
	}
	if err != nil {
		return nil, f.failed(err)
	}
	if !info.Mode().IsRegular() {
		return nil, f.corrupt(name, errors.New("it is no regular file"))
	}
	file, err := f.root.Open(path)
	if err != nil {
		return nil, f.failed(err)
	}
	return file, nil
}

// corrupt says that a file's content is at fault.
func (f folder) corrupt(name string, err error) error {
	return &CorruptError{File: filepath.Join(f.root.Name(), f.dir, name), List: f.list, Err: err}
}

// failed says where the file system would not do as asked; its own errors are relative to the root.
func (f folder) failed(err error) error {
	return fmt.Errorf("local manifest lists in %s: %w", f.root.Name(), err)
}

// write replaces a file as a whole. The temporary file lies beside the lists and not in one, where docker takes every
// file for an entry; its name is one that no list has.
func (f folder) write(name string, b []byte) error {
	temp := ".transship-" + rand.Text()
	err := f.writeNew(temp, b)
	if err == nil {
		err = f.root.Rename(temp, filepath.Join(f.dir, name))
	}
	if err != nil {
		_ = f.root.Remove(temp) // the first error is the one to tell
		return f.failed(err)
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

// remove deletes a file and, when nothing is left in it, the folder.
func (f folder) remove(name string) error {
	if err := f.root.Remove(filepath.Join(f.dir, name)); err != nil {
		return f.failed(err)
	}
	err := f.root.Remove(f.dir)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) { // not empty, or gone already
		return nil
	}
	return f.failed(err)
}
