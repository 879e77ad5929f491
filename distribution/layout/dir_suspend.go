package layout

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/hczjl/transship/distribution/filelock"
)

// tempOwner is a locked temporary file that owns the closed files of suspended uploads: their names
// begin with its name, and removeAbandoned keeps them while it is locked. It exists while there are
// suspended uploads. The zero value owns nothing.
type tempOwner struct {
	mu    sync.Mutex
	count int
	file  *os.File
}

// ownTemp makes a temporary file one of the Dir's own, and returns its new name.
func (d *Dir) ownTemp(f *os.File) (name string, err error) {
	o := &d.owner
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == 0 {
		if o.file, err = d.createTemp(); err != nil {
			return "", err
		}
	}
	name = tempName(o.file) + filepath.Base(f.Name())
	if runtime.GOOS == "windows" { // it renames no open file
		f.Close()
	}
	if err := d.files.rename(tempName(f), name); err != nil {
		if o.count == 0 {
			d.discard(o.file)
		}
		return "", err
	}
	o.count++
	return name, nil
}

// disownTemp ends what ownTemp began, when the file has been moved or removed.
func (d *Dir) disownTemp() {
	o := &d.owner
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count--; o.count == 0 {
		d.discard(o.file)
	}
}

// ownerName returns the name of a temporary file's owner: the first half of a name that ownTemp has
// made. It is "" for any other name.
func ownerName(name string) string {
	const length = 26 // of what rand.Text returns
	if len(name) != 2*length {
		return ""
	}
	return name[:length]
}

// isOwned reports whether a temporary file has an owner that is alive.
func (d *Dir) isOwned(name string) bool {
	owner := ownerName(name)
	if owner == "" {
		return false
	}
	f, err := d.files.open(path.Join(tempDir, owner), os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	return !filelock.Try(f)
}

// Suspend closes the upload's file until the next Write, Commit or Cancel, so that an upload that
// waits for its client holds no open file. If it fails, the upload goes on as before.
func (u *Upload) Suspend() error {
	if u.file == nil {
		return nil
	}
	if u.suspended == "" {
		name, err := u.repository.dir.ownTemp(u.file)
		if err != nil {
			return err
		}
		u.suspended = name
	}
	u.file.Close()
	u.file = nil
	return nil
}

// open opens the file of an upload that has none open: it is new, or suspended.
func (u *Upload) open() (err error) {
	switch {
	case u.file != nil:
		return nil
	case u.suspended == "":
		u.file, err = u.repository.dir.createTemp()
		return err
	}
	f, err := u.repository.dir.files.open(u.suspended, os.O_RDWR)
	if err != nil {
		return err
	}
	if err := filelock.Exclusive(f); err != nil {
		f.Close()
		return err
	}
	if _, err := f.Seek(u.size, io.SeekStart); err != nil {
		f.Close()
		return err
	}
	u.file = f
	return nil
}

// disown ends the ownership of the file when the upload has ended.
func (u *Upload) disown() {
	if u.suspended != "" {
		u.repository.dir.disownTemp()
		u.suspended = ""
	}
}
