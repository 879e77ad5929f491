package layout

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Place returns the one path that all ways to write the path of a file or folder have: absolute and
// without symbolic links. What is there or above it need not exist. No host of a registry is a place.
func Place(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		return resolved
	}
	above := filepath.Dir(abs)
	if above == abs {
		return abs
	}
	return filepath.Join(Place(above), filepath.Base(abs))
}

// makeDir creates a folder and its parents, durably.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if above := filepath.Dir(dir); above != dir {
		if err := makeDir(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes the names in a folder durable. Windows needs and allows no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// errTooLarge is the cause of the error of readFile for a file beyond its limit. It is [ErrUnsafe],
// as such a member of a tar is.
var errTooLarge error = tooLargeError{}

type tooLargeError struct{}

// Error implements error.
func (tooLargeError) Error() string { return "the file is too large" }

// Is makes the error an [ErrUnsafe]: a file of that size is no document of a layout.
func (tooLargeError) Is(target error) bool { return target == ErrUnsafe }

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, limit)
}

// openRegular opens a file for reading. It must be a regular file: opening a pipe would block, and a
// device may have no end.
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, irregularError(name, info, "a regular file")
	}
	return os.Open(name)
}

// readAll reads an open file of at most limit bytes.
func readAll(f *os.File, limit int64) ([]byte, error) {
	tooLarge := &fs.PathError{Op: "read", Path: f.Name(), Err: errTooLarge}
	info, err := f.Stat()
	if err != nil || info.Size() > limit {
		return nil, cmp.Or[error](err, tooLarge)
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead) // no more than one read, and one that finds the end
	_, err = b.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && int64(b.Len()) > limit {
		err = tooLarge
	}
	return b.Bytes(), err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// removeFiles removes files in this order. It skips those that do not exist.
func removeFiles(paths []string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
