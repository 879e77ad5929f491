package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/hczjl/transship/distribution/filelock"
)

// index returns the current index.json. It reads the file only if that has changed.
func (d *Dir) index() (*index, error) {
	ix, err := d.readIndex(false)
	if !errors.Is(err, errUnlinked) {
		return ix, err
	}
	unlock, err := d.lockIndex()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return d.readIndex(true)
}

// errUnlinked is the error of an index.json that has entries without links, for a caller that has not locked it.
var errUnlinked = errors.New("entries of " + indexFile + " have no links")

// readIndex is index for a caller that has, or has not, locked index.json. Links are only built with the lock: an
// entry without may also be one that another process has just removed.
func (d *Dir) readIndex(locked bool) (*index, error) {
	info, err := d.files.stat(indexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return newIndex(nil, nil), nil
	}
	if err != nil {
		return nil, err
	}
	if ix := d.knownIndex(info); ix != nil {
		return ix, nil
	}
	return d.loadIndex(locked)
}

// knownIndex returns the index.json with that info, if it was read or written here, else nil.
func (d *Dir) knownIndex(info fs.FileInfo) *index {
	d.mu.RLock()
	defer d.mu.RUnlock()
	switch {
	case unchanged(d.currentInfo, info):
		return d.current
	case unchanged(d.nextInfo, info):
		return d.next
	}
	return nil
}

// loadIndex reads index.json, and builds links for entries that other tools added.
func (d *Dir) loadIndex(locked bool) (*index, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := d.files.stat(indexFile)
	if err != nil {
		return nil, err
	}
	if unchanged(d.currentInfo, info) {
		return d.current, nil
	}
	b, err := d.files.readFile(indexFile, maxIndex)
	if err != nil {
		return nil, err
	}
	ix, err := parseIndex(b, d.unnamed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, asDamaged(err))
	}
	if !d.readOnly {
		err = d.buildLinks(ix, locked)
	}
	if err != nil {
		return nil, err
	}
	d.current, d.currentInfo = ix, info
	return ix, nil
}

// unchanged reports whether a file is still the one seen before, with the same size and time.
func unchanged(before, now fs.FileInfo) bool {
	return before != nil && os.SameFile(before, now) &&
		before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}

// pendingChange is a change of index.json that waits to be written.
type pendingChange struct {
	change change
	done   bool
	err    error
}

// update changes index.json. Changes that arrive during a write are written together in the next
// one.
func (d *Dir) update(c change) error {
	p := &pendingChange{change: c}
	d.pendingMu.Lock()
	d.pending = append(d.pending, p)
	d.pendingMu.Unlock()

	d.writeMu.Lock()
	defer d.writeMu.Unlock()
	if !p.done {
		d.flushPending()
	}
	return p.err
}

// flushPending writes all pending changes. The caller holds d.writeMu.
func (d *Dir) flushPending() {
	d.pendingMu.Lock()
	batch := d.pending
	d.pending = nil
	d.pendingMu.Unlock()

	err := d.writeChanges(batch)
	for _, p := range batch {
		p.done = true
		if p.err == nil {
			p.err = err
		}
	}
}

// writeChanges applies changes under the lock that all processes share. A change that fails does
// not stop the others.
func (d *Dir) writeChanges(batch []*pendingChange) error {
	unlock, err := d.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	ix, err := d.readIndex(true)
	if err != nil {
		return err
	}
	entries := ix.entries
	for _, p := range batch {
		out, err := p.change(entries)
		if err != nil {
			p.err = err
			continue
		}
		entries = out
	}
	if d.files.exists(indexFile) && slices.Equal(entries, ix.entries) {
		return nil
	}
	return d.replaceIndex(ix.with(entries))
}

// replaceIndex writes index.json, unless nobody could read it then.
func (d *Dir) replaceIndex(ix *index) error {
	if size := ix.size(); size > maxIndex {
		return fmt.Errorf("%s would have %d bytes, more than %d: it has too many tags", indexFile, size, maxIndex)
	}
	f, err := d.writeTemp(ix.write)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		d.discard(f)
		return err
	}
	d.mu.Lock()
	d.next, d.nextInfo = ix, info
	d.mu.Unlock()
	if err := d.publish(f, indexFile); err != nil {
		return err
	}
	d.mu.Lock()
	d.current, d.currentInfo = ix, info
	d.mu.Unlock()
	return nil
}

// lockIndex keeps every other process from writing index.json.
func (d *Dir) lockIndex() (unlock func(), err error) {
	f, err := d.openLockFile(indexLock)
	if err != nil {
		return nil, err
	}
	if err := filelock.Exclusive(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
