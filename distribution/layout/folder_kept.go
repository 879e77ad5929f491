package layout

import (
	"io/fs"
	"os"
	"runtime"
	"sync"
)

// maxKept is how many folders stay open: those of blobs and temporary files, and those of the links of the
// repositories that are in use, of which each has five.
const maxKept = 64

// keptDirs are folders that stay open while a process serves what is in them. To open one from above takes
// several system calls for each part of its path, and a push needs many files in few folders. The zero
// value keeps none.
type keptDirs struct {
	mu    sync.Mutex
	holds int                 // while there is one, folders stay open
	open  map[string]*keptDir // by name
	uses  int                 // how often one of them was asked for
}

// hold keeps folders open from now on, until unhold has been called as often.
func (d *keptDirs) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holds++
}

func (d *keptDirs) unhold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.holds--; d.holds > 0 {
		return
	}
	for name, k := range d.open {
		d.dropLocked(name, k)
	}
}

// keptDir is an open folder.
type keptDir struct {
	root    *os.Root
	info    fs.FileInfo
	users   int
	used    int  // keptDirs.uses when it was used last
	dropped bool // close it when users is 0

	fileMu sync.Mutex
	file   *os.File // of the folder, once it has been needed
}

// open returns the folder as a file, which stays open as long as the folder. An error is not kept: a process that
// has no file descriptor left may have one later.
func (k *keptDir) open() (*os.File, error) {
	k.fileMu.Lock()
	defer k.fileMu.Unlock()
	if k.file != nil {
		return k.file, nil
	}
	file, err := openIn(k.root, ".", os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	k.file = file
	return file, nil
}

// sync makes the names in the folder durable.
func (k *keptDir) sync() error {
	file, err := k.open()
	if err != nil {
		return err
	}
	return file.Sync()
}

// close closes the folder. It must have no users.
func (k *keptDir) close() {
	k.root.Close()
	if k.file != nil {
		k.file.Close()
	}
}

// keep returns the folder at dir, opened, for a caller that must release it. One that is kept is used as
// long as it is the folder that has that path.
func (f *folder) keep(dir string) (*keptDir, error) {
	if k := f.kept.get(dir); k != nil {
		look := os.Lstat
		if dir == "." { // which may be a symbolic link
			look = os.Stat
		}
		info, err := look(f.path(dir))
		if err == nil && os.SameFile(info, k.info) {
			return k, nil
		}
		f.kept.drop(dir, k)
		f.kept.release(k)
	}
	root, info, err := f.openDir(dir)
	if err != nil {
		return nil, err
	}
	k := &keptDir{root: root, info: info, users: 1}
	f.kept.add(dir, k)
	return k, nil
}

// get returns the open folder of that name, nil if there is none.
func (d *keptDirs) get(name string) *keptDir {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.open[name]
	if k != nil {
		k.users++
		d.uses++
		k.used = d.uses
	}
	return k
}

// add keeps a folder that its caller uses, in place of the one that was not used for longest if there are
// many. Windows neither renames nor removes folders that are open, so none is kept there.
func (d *keptDirs) add(name string, k *keptDir) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.holds == 0 || d.open[name] != nil || runtime.GOOS == "windows" {
		k.dropped = true
		return
	}
	if d.open == nil {
		d.open = map[string]*keptDir{}
	}
	if len(d.open) >= maxKept {
		d.dropOldestLocked()
	}
	d.open[name] = k
	d.uses++
	k.used = d.uses
}

func (d *keptDirs) dropOldestLocked() {
	var name string
	var oldest *keptDir
	for other, k := range d.open {
		if oldest == nil || k.used < oldest.used {
			name, oldest = other, k
		}
	}
	d.dropLocked(name, oldest)
}

// drop keeps a folder no longer.
func (d *keptDirs) drop(name string, k *keptDir) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[name] == k {
		d.dropLocked(name, k)
	}
}

func (d *keptDirs) dropLocked(name string, k *keptDir) {
	delete(d.open, name)
	k.dropped = true
	if k.users == 0 {
		k.close()
	}
}

// release ends the use of a folder.
func (d *keptDirs) release(k *keptDir) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k.users--
	if k.users == 0 && k.dropped {
		k.close()
	}
}
