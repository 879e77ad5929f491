package layout

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/hczjl/transship/distribution/filelock"
)

// tempOwner is a locked temporary file that owns the closed files of suspended uploads, and all temporary files of
// a Dir that is served: their names begin with its name, and removeAbandoned keeps them while it is locked. It exists
// while there are such uploads, or the Dir is served. The zero value owns nothing.
type tempOwner struct {
	mu     sync.Mutex
	count  int
	file   *os.File
	served string // its name while the Dir is served
}

// acquireOwner makes sure that there is an owner until disownTemp is called. The caller holds o.mu.
func (d *Dir) acquireOwner() (err error) {
	o := &d.owner
	if o.count == 0 {
		if o.file, err = d.createLocked(); err != nil {
			return err
		}
	}
	o.count++
	return nil
}

// holdOwner makes temporary files the Dir's own from the start, so that none has to be locked, or renamed when its
// upload is suspended. It ends with releaseOwner.
func (d *Dir) holdOwner() error {
	o := &d.owner
	o.mu.Lock()
	defer o.mu.Unlock()
	err := d.acquireOwner()
	if err == nil {
		o.served = tempName(o.file)
	}
	return err
}

func (d *Dir) releaseOwner() {
	d.owner.mu.Lock()
	d.owner.served = ""
	d.owner.mu.Unlock()
	d.disownTemp()
}

// servedOwner returns the name of the owner while the Dir is served, else "".
func (d *Dir) servedOwner() string {
	d.owner.mu.Lock()
	defer d.owner.mu.Unlock()
	return d.owner.served
}

// ownTemp makes a temporary file one of the Dir's own, and returns its new name.
func (d *Dir) ownTemp(f *os.File) (name string, err error) {
	o := &d.owner
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := d.acquireOwner(); err != nil {
		return "", err
	}
	owner := tempName(o.file)
	if strings.HasPrefix(tempName(f), owner) {
		return tempName(f), nil
	}
	base := filepath.Base(f.Name())
	name = owner + base[len(base)-ownerLength:] // without the name of an owner that has ended
	if runtime.GOOS == "windows" {              // it renames no open file
		f.Close()
	}
	if err := d.files.rename(tempName(f), name); err != nil {
		d.disownLocked()
		return "", err
	}
	return name, nil
}

// disownTemp ends what ownTemp began, when the file has been moved or removed.
func (d *Dir) disownTemp() {
	d.owner.mu.Lock()
	defer d.owner.mu.Unlock()
	d.disownLocked()
}

// disownLocked is disownTemp for a caller that holds owner.mu.
func (d *Dir) disownLocked() {
	o := &d.owner
	if o.count--; o.count == 0 {
		d.discard(o.file)
	}
}

// ownerName returns the name of a temporary file's owner: the first half of a name that ownTemp has
// made. It is "" for any other name.
func ownerName(name string) string {
	if len(name) != 2*ownerLength {
		return ""
	}
	return name[:ownerLength]
}

// ownerLength is the length of what rand.Text returns.
const ownerLength = 26

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
