package layout

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/hczjl/transship/distribution/filelock"
)

// tempPattern matches the names of temporary files, which rand.Text makes.
var tempPattern = regexp.MustCompile(`^[A-Z2-7]{26,}$`)

// tempName returns the name in the layout of a temporary file.
func tempName(f *os.File) string { return path.Join(tempDir, filepath.Base(f.Name())) }

// createTemp creates an empty temporary file in the file system of the folder. removeAbandoned does not touch
// it: while the Dir is served the file is owned, else it is locked until it is closed.
func (d *Dir) createTemp() (*os.File, error) {
	if owner := d.servedOwner(); owner != "" {
		return d.createNew(owner + rand.Text())
	}
	return d.createLocked()
}

// createLocked creates an empty temporary file that stays locked until it is closed.
func (d *Dir) createLocked() (*os.File, error) {
	if err := d.checkWritable(); err != nil {
		return nil, err
	}
	for {
		f, err := d.createNew(path.Join(tempDir, rand.Text()))
		if err != nil {
			return nil, err
		}
		if err := filelock.Exclusive(f); err != nil {
			d.discard(f)
			return nil, err
		}
		if d.files.isAt(f, tempName(f)) {
			return f, nil
		}
		f.Close() // removeAbandoned took it before it was locked
	}
}

// createNew creates a file that must not exist, and the folder that it is in.
func (d *Dir) createNew(name string) (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := d.files.open(name, flags)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := d.files.makeDir(path.Dir(name)); err != nil {
		return nil, err
	}
	return d.files.open(name, flags)
}

// removeAbandoned removes temporary files of processes that were killed, and those that were left
// to be resumed and are of no use any more. It leaves alone what has no name of a temporary file.
func (d *Dir) removeAbandoned() error {
	entries, err := d.files.readDir(tempDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		abandoned := tempPattern.MatchString(e.Name()) && !d.isOwned(e.Name())
		if abandoned || resumablePattern.MatchString(e.Name()) && d.isObsolete(e) {
			d.removeUnlocked(path.Join(tempDir, e.Name())) // if it fails, the next process tries again
		}
	}
	return nil
}

// removeUnlocked removes a temporary file that no process has locked, and reports whether it did.
// The file stays locked until then, so that no upload resumes it meanwhile, except on Windows, which
// removes no open file.
func (d *Dir) removeUnlocked(name string) bool {
	f, err := d.files.open(name, os.O_RDONLY)
	if err != nil {
		return false // its process has just removed or renamed it
	}
	defer f.Close()
	if !filelock.Try(f) {
		return false
	}
	if runtime.GOOS == "windows" {
		f.Close()
	}
	return d.files.remove(name) == nil
}

// discard closes and removes a temporary file.
func (d *Dir) discard(f *os.File) error {
	f.Close()
	return d.files.remove(tempName(f))
}

// publish moves a temporary file to name, replacing what is there. When it returns nil the file is
// complete and on the disk. It closes f, and removes it on failure.
func (d *Dir) publish(f *os.File, name string) error {
	err := f.Sync()
	if err == nil {
		err = d.renameLocked(f, name)
	}
	if err != nil {
		d.discard(f)
		return err
	}
	return d.files.syncDir(path.Dir(name))
}

// renameLocked keeps f locked until it has its new name, so that removeAbandoned does not take it.
// Windows renames no open file.
func (d *Dir) renameLocked(f *os.File, name string) error {
	if runtime.GOOS == "windows" {
		f.Close()
	}
	err := d.files.rename(tempName(f), name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.files.makeDir(path.Dir(name)); err != nil {
			return err
		}
		err = d.files.rename(tempName(f), name)
	}
	if err != nil {
		return err
	}
	f.Close()
	return nil
}

// writeFile writes a small file atomically and durably. It does nothing if the file has that
// content.
func (d *Dir) writeFile(name string, content []byte) error {
	old, err := d.files.readFile(name, int64(len(content)))
	if err == nil && bytes.Equal(old, content) || errors.Is(err, ErrIrregular) {
		return err
	}
	f, err := d.writeTemp(func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	return d.publish(f, name)
}

// writeTemp returns a temporary file with what write writes.
func (d *Dir) writeTemp(write func(io.Writer) error) (*os.File, error) {
	f, err := d.createTemp()
	if err != nil {
		return nil, err
	}
	if err := write(f); err != nil {
		d.discard(f)
		return nil, err
	}
	return f, nil
}

// openLockFile opens a file to lock, and creates it if there is none.
func (d *Dir) openLockFile(name string) (*os.File, error) {
	if err := d.checkWritable(); err != nil {
		return nil, err
	}
	f, err := d.files.open(name, os.O_RDWR|os.O_CREATE)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := d.files.makeDir(path.Dir(name)); err != nil {
		return nil, err
	}
	return d.files.open(name, os.O_RDWR|os.O_CREATE)
}
