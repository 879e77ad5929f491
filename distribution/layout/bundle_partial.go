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

// partial is the folder beside a bundle in which it is written: FILE.tar.partial. Only one process has it at a time.
//
//	lock       held by that process
//	plan       the ID of the bundle that is written, and its volumes' size
//	filled     the digests of the blobs that are there, a line each
//	001...     the volumes
//	inventory  what will lie beside the bundle
type partialDir struct {
	dir    string
	lock   *os.File
	filled *os.File // open for appending
}

// openPartial takes the folder for the bundle at path, or makes it. It is ErrBusy where another process has it.
func openPartial(path string) (*partialDir, error) {
	p := &partialDir{dir: path + ".partial"}
	for {
		err := os.Mkdir(p.dir, 0o777)
		made := err == nil
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
		if !tryLock(p.lock) && (haveLocks || !made) {
			p.lock.Close()
			return nil, p.busyError(path)
		}
		if stillAtPath(p.lock) {
			return p, nil
		}
		p.lock.Close() // removed before it was locked
	}
}

// checkOurs refuses a folder with things in it that no bundle brought there.
func (p *partialDir) checkOwned() error {
	entries, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
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

// volume returns the path of the i-th volume, counted from 0.
func (p *partialDir) volumePath(i int) string { return p.path(fmt.Sprintf("%03d", i+1)) }

func (p *partialDir) path(name string) string { return filepath.Join(p.dir, name) }

// begin prepares the folder for a plan. What was left there of the same plan stays: the digests of the blobs that were
// finished are returned. Everything else is removed.
func (p *partialDir) prepare(plan []byte) (left map[blob.Digest]bool, err error) {
	if old, err := os.ReadFile(p.path("plan")); err == nil && bytes.Equal(old, plan) {
		left = p.readFilled()
	} else if err := p.clear(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.path("plan"), plan, 0o666); err != nil {
		return nil, err
	}
	p.filled, err = os.OpenFile(p.path("filled"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	return left, err
}

// left reads the notes about finished blobs. Each is checked before it counts, so that it does not matter if they are
// not whole.
func (p *partialDir) readFilled() map[blob.Digest]bool {
	out := map[blob.Digest]bool{}
	notes, _ := os.ReadFile(p.path("filled"))
	for line := range bytes.Lines(notes) {
		out[blob.Digest(bytes.TrimSpace(line))] = true
	}
	return out
}

// note says that a blob is there. If the note is lost, the blob is fetched again, no more.
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

// close gives the folder back.
func (p *partialDir) release() {
	if p.filled != nil {
		p.filled.Close()
	}
	p.lock.Close()
}

// remove removes the folder and gives it back. It stays locked meanwhile, except on Windows, which removes no open file.
func (p *partialDir) remove() error {
	if p.filled != nil {
		p.filled.Close()
	}
	if runtime.GOOS == "windows" {
		p.lock.Close()
	}
	err := errors.Join(p.clear(), os.RemoveAll(p.dir)) // the lock last: a folder without one is nobody's
	p.lock.Close()
	return err
}
