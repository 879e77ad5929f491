package layout

import (
	"os"
	"sync"

	"github.com/hczjl/transship/distribution/filelock"
)

// contentLock keeps content from being pruned while an image is written: a shared lock on one file,
// counted within the process. The zero value is not locked.
type contentLock struct {
	mu    sync.Mutex
	count int
	file  *os.File
}

// Hold keeps every process from pruning the folder until release is called. release may be called
// more than once. Code that writes an image in several steps needs one Hold around them all, since
// a prune would remove a blob that no manifest refers to yet. A single call of a method that writes
// needs none. Hold waits for a prune that is running.
func (d *Dir) Hold() (release func(), err error) {
	l := &d.contentLock
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == 0 {
		if l.file, err = d.openContentLock(); err != nil {
			return nil, err
		}
		if err := filelock.Shared(l.file); err != nil {
			l.file.Close()
			return nil, err
		}
	}
	l.count++
	return sync.OnceFunc(l.release), nil
}

func (l *contentLock) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	if l.count == 0 {
		l.file.Close()
	}
}

// HoldForReading is a [Dir.Hold] for code that only reads: an image that is removed meanwhile stays
// readable. It writes nothing. If the lock file does not exist, as in a folder of another tool, or
// cannot be read, nothing is held.
func (d *Dir) HoldForReading() (release func()) {
	f, err := d.files.open(contentLockFile, os.O_RDONLY)
	if err != nil {
		return func() {}
	}
	if err := filelock.Shared(f); err != nil {
		f.Close()
		return func() {}
	}
	return func() { f.Close() }
}

// openContentLock opens the lock file, which a Hold locks shared and a Prune exclusive.
func (d *Dir) openContentLock() (*os.File, error) {
	return d.openLockFile(contentLockFile)
}
