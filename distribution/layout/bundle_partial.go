package layout

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/hczjl/transship/blob"
)

// partialDir is the folder FILE.partial, in which a bundle is written. One process at a time has
// it.
//
//	lock       locked by that process
//	plan       the ID of the bundle, and the size of its volumes
//	filled     the digests of the blobs that are there, one a line
//	001...     the volumes
//	inventory  the later FILE.json
type partialDir struct {
	dir    string
	lock   *os.File
	filled *os.File // open for appending
}

// openPartial locks the folder for the bundle at path, and creates it if there is none. If another
// process has it, the error is ErrBusy.
func openPartial(path string) (*partialDir, error) {
	p := &partialDir{dir: partialPath(path)}
	for {
		err := os.Mkdir(p.dir, 0o777)
		created := err == nil
		if errors.Is(err, fs.ErrExist) {
			err = p.checkOwned()
		}
		if err != nil {
			return nil, err
		}
		p.lock, err = os.OpenFile(p.path("lock"), os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its process has just removed it
		}
		if err != nil {
			return nil, err
		}
		if !tryLock(p.lock) && (haveLocks || !created) {
			p.lock.Close()
			return nil, p.busyError(path)
		}
		if stillAtPath(p.lock) {
			return p, nil
		}
		p.lock.Close() // removed before it was locked
	}
}

// checkOwned returns an error if the folder has files but no lock file: no bundle is written there.
func (p *partialDir) checkOwned() error {
	entries, err := readDir(p.dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "lock" }) {
		return fmt.Errorf("%s is in the way: it is no unfinished bundle", p.dir)
	}
	return nil
}

func (p *partialDir) busyError(path string) error {
	reason := "another process is writing it"
	if !haveLocks {
		reason += "; if there is none, remove the folder " + p.dir
	}
	return &ArchiveError{Path: path, Kind: ErrBusy, Reason: reason}
}

// volumePath returns the path of the i-th volume, counted from 0.
func (p *partialDir) volumePath(i int) string { return p.path(fmt.Sprintf("%03d", i+1)) }

// partialPath returns the path of the partial folder of a bundle.
func partialPath(bundle string) string { return bundle + ".partial" }

func (p *partialDir) path(name string) string { return filepath.Join(p.dir, name) }

// prepare readies the folder for a bundle. key identifies the bundle and its volumes. If the folder
// was left with the same key, prepare keeps it and returns the digests of the blobs that were
// finished. If not, it removes everything there.
func (p *partialDir) prepare(key []byte) (filled map[blob.Digest]bool, err error) {
	if old, err := os.ReadFile(p.path("plan")); err == nil && bytes.Equal(old, key) {
		filled = p.readFilled()
	} else if err := p.clear(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.path("plan"), key, 0o666); err != nil {
		return nil, err
	}
	p.filled, err = os.OpenFile(p.path("filled"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	return filled, err
}

// readFilled reads the notes about finished blobs. A blob is verified before it counts, so
// incomplete notes do no harm.
func (p *partialDir) readFilled() map[blob.Digest]bool {
	out := map[blob.Digest]bool{}
	notes, _ := os.ReadFile(p.path("filled"))
	for line := range bytes.Lines(notes) {
		out[blob.Digest(bytes.TrimSpace(line))] = true
	}
	return out
}

// noteFilled notes that a blob is there. If the note is lost, the blob is only fetched again.
func (p *partialDir) noteFilled(d blob.Digest) { _, _ = p.filled.WriteString(string(d) + "\n") }

// clear removes everything but the lock.
func (p *partialDir) clear() error {
	entries, err := os.ReadDir(p.dir)
	for _, e := range entries {
		if e.Name() != "lock" {
			err = errors.Join(err, os.Remove(p.path(e.Name())))
		}
	}
	return err
}

// release unlocks the folder.
func (p *partialDir) release() {
	if p.filled != nil {
		p.filled.Close()
	}
	p.lock.Close()
}

// remove removes the folder and unlocks it. It stays locked meanwhile, except on Windows, which
// removes no open file.
func (p *partialDir) remove() error {
	if p.filled != nil {
		p.filled.Close()
	}
	if runtime.GOOS == "windows" {
		p.lock.Close()
	}
	err := errors.Join(p.clear(), os.RemoveAll(p.dir)) // the lock last: checkOwned refuses a folder without it
	p.lock.Close()
	return err
}
