package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// index returns what index.json says now.
func (d *Dir) index() (*index, error) {
	name := filepath.Join(d.path, indexFile)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return newIndex(nil, nil), nil
	}
	if err != nil {
		return nil, err
	}
	d.mu.RLock()
	current, same := d.current, unchanged(d.currentInfo, info)
	d.mu.RUnlock()
	if same {
		return current, nil
	}
	return d.loadIndex(name)
}

// load reads index.json, and links what other tools have entered there.
func (d *Dir) loadIndex(name string) (*index, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if unchanged(d.currentInfo, info) {
		return d.current, nil
	}
	b, err := readFile(name, maxIndex)
	if err != nil {
		return nil, err
	}
	ix, err := parseIndex(b, d.unnamed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, asDamaged(err))
	}
	if !d.readOnly {
		err = d.buildLinks(ix)
	}
	if err != nil {
		return nil, err
	}
	d.current, d.currentInfo = ix, info
	return ix, nil
}

// sameFile tells whether a file is still the one seen before, unchanged.
func unchanged(before, now fs.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}

// pending is a change that waits to be written.
type pendingChange struct {
	change change
	done   bool
	err    error
}

// update changes index.json. Changes that come while another is being written are written together, in one go.
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

// flush writes all pending changes. The caller holds d.writing.
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

// write applies the changes that can be applied, under the lock that all processes share.
func (d *Dir) writeChanges(batch []*pendingChange) error {
	unlock, err := d.lockIndex()
	if err != nil {
		return err
	}
	defer unlock()
	ix, err := d.index()
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
	if _, err := os.Stat(filepath.Join(d.path, indexFile)); err == nil && slices.Equal(entries, ix.entries) {
		return nil
	}
	return d.replaceIndex(newIndex(ix.members, entries))
}

// replace writes index.json.
func (d *Dir) replaceIndex(ix *index) error {
	f, err := d.writeTemp(ix.encode())
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		discard(f)
		return err
	}
	if err := publish(f, filepath.Join(d.path, indexFile)); err != nil {
		return err
	}
	d.mu.Lock()
	d.current, d.currentInfo = ix, info
	d.mu.Unlock()
	return nil
}

// lockIndex keeps every other process from writing index.json.
func (d *Dir) lockIndex() (unlock func(), err error) {
	f, err := d.openLockFile(d.privatePath("index.lock"))
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
