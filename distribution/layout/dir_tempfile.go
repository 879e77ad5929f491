package layout

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"runtime"
)

// createTemp creates an empty temporary file in the file system of the folder. The file stays
// locked until it is closed: removeAbandoned does not touch locked files.
func (d *Dir) createTemp() (*os.File, error) {
	if err := d.checkWritable(); err != nil {
		return nil, err
	}
	dir := d.privatePath("tmp")
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	for {
		f, err := os.OpenFile(filepath.Join(dir, rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			discard(f)
			return nil, err
		}
		if stillAtPath(f) {
			return f, nil
		}
		f.Close() // removeAbandoned took it before it was locked
	}
}

// stillAtPath reports whether f has not been removed or replaced since it was opened.
func stillAtPath(f *os.File) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(f.Name())
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// removeAbandoned removes temporary files of processes that were killed.
func (d *Dir) removeAbandoned() error {
	dir := d.privatePath("tmp")
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		f, err := os.Open(name)
		if err != nil {
			continue // its process has just removed or renamed it
		}
		abandoned := tryLock(f)
		f.Close()
		if abandoned {
			os.Remove(name)
		}
	}
	return nil
}

// discard closes and removes a temporary file.
func discard(f *os.File) error {
	f.Close()
	return os.Remove(f.Name())
}

// publish moves a temporary file to name, replacing what is there. When it returns nil the file is
// complete and on the disk. It closes f, and removes it on failure.
func publish(f *os.File, name string) error {
	err := f.Sync()
	if err == nil {
		err = makeDir(filepath.Dir(name))
	}
	if err == nil {
		err = renameLocked(f, name)
	}
	if err != nil {
		discard(f)
		return err
	}
	return syncDir(filepath.Dir(name))
}

// renameLocked keeps f locked until it has its new name, so that removeAbandoned does not take it.
// Windows renames no open file.
func renameLocked(f *os.File, name string) error {
	if runtime.GOOS == "windows" {
		f.Close()
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	f.Close()
	return nil
}

// writeFile writes a small file atomically and durably. It does nothing if the file has that
// content.
func (d *Dir) writeFile(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	f, err := d.writeTemp(content)
	if err != nil {
		return err
	}
	return publish(f, name)
}

// writeTemp returns a temporary file with that content.
func (d *Dir) writeTemp(content []byte) (*os.File, error) {
	f, err := d.createTemp()
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		discard(f)
		return nil, err
	}
	return f, nil
}

// openLockFile opens a file to lock, and creates it if there is none.
func (d *Dir) openLockFile(name string) (*os.File, error) {
	if err := d.checkWritable(); err != nil {
		return nil, err
	}
	if err := makeDir(filepath.Dir(name)); err != nil {
		return nil, err
	}
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
}
