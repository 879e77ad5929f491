package layout

import (
	"os"
	"sync"
)

// hold is what keeps content from being pruned while somebody builds on it: a lock on one file, shared by all who hold
// it in this process and in others. The zero value is not held.
type contentLock struct {
	mu    sync.Mutex
	count int
	file  *os.File
}

// Hold keeps every process from pruning the folder until release is called, which may be called more than once. Whoever
// puts an image in several steps holds the folder for all of them, since a blob that no manifest names yet would
// otherwise be pruned; a single call of a method that writes needs no Hold around it. It waits while a prune is under
// way, which is as long as it takes to remove files.
func (d *Dir) Hold() (release func(), err error) {
	d.contentLock.mu.Lock()
	defer d.contentLock.mu.Unlock()
	if d.contentLock.count == 0 {
		if d.contentLock.file, err = d.openContentLock(); err != nil {
			return nil, err
		}
		if err := lockShared(d.contentLock.file); err != nil {
			d.contentLock.file.Close()
			return nil, err
		}
	}
	d.contentLock.count++
	return sync.OnceFunc(d.contentLock.release), nil
}

func (h *contentLock) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count--
	if h.count == 0 {
		h.file.Close()
	}
}

// HoldReading is the [Dir.Hold] of whoever only reads, so that an image that is removed meanwhile stays readable to its end.
// It writes nothing, and locks the file that is there wherever this package has put something into the folder. Where there
// is none, as in a folder of another tool's, or where it may not be read, nothing is held.
func (d *Dir) HoldReading() (release func()) {
	f, err := os.Open(d.contentLockPath())
	if err != nil {
		return func() {}
	}
	if err := lockShared(f); err != nil {
		f.Close()
		return func() {}
	}
	return func() { f.Close() }
}

// lockName is the path of the file that is locked.
func (d *Dir) contentLockPath() string { return d.privatePath("content.lock") }

// openLock opens the file that is locked: shared by a Hold, by one alone in a Prune.
func (d *Dir) openContentLock() (*os.File, error) {
	return d.openLockFile(d.contentLockPath())
}
