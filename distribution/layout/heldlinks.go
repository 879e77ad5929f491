package layout

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// heldLinks are links that could not be written, since the folder is read-only: a medium that was carried over, or
// somebody else's. They are held for as long as the folder is open. The zero value has none.
type heldLinks struct {
	mu      sync.RWMutex
	folders map[string]map[string]string // by folder and name: their content
}

// isReadOnly tells whether an error says that nothing may be written.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func (h *heldLinks) add(links map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.folders == nil {
		h.folders = map[string]map[string]string{}
	}
	for path, content := range links {
		dir, name := filepath.Split(path)
		if h.folders[dir] == nil {
			h.folders[dir] = map[string]string{}
		}
		h.folders[dir][name] = content
	}
}

func (h *heldLinks) get(path string) (content string, held bool) {
	dir, name := filepath.Split(path)
	h.mu.RLock()
	defer h.mu.RUnlock()
	content, held = h.folders[dir][name]
	return content, held
}

// in returns the names of those in a folder.
func (h *heldLinks) in(dir string) []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(h.folders[dir+string(filepath.Separator)]))
}

// readLink returns what a link holds.
func (d *Dir) readLink(name string) (string, error) {
	if content, held := d.links.get(name); held {
		return content, nil
	}
	b, err := readFile(name, manifest.MaxSize)
	return string(b), err
}

// statLink is fs.ErrNotExist where there is no such link.
func (d *Dir) statLink(name string) error {
	if _, held := d.links.get(name); held {
		return nil
	}
	_, err := os.Stat(name)
	return err
}

// listLinks returns the names of the links in a folder, sorted.
func (d *Dir) listLinks(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := d.links.in(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// holdsManifest tells whether links to manifests of a repository are held.
func (d *Dir) holdsManifest(repository string) bool {
	for _, a := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		if len(d.links.in(d.private("repositories", fileName(repository), manifestDir, string(a)))) > 0 {
			return true
		}
	}
	return false
}
