package layout

import (
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// load returns a manifest by its descriptor.
type manifestLoader func(d manifest.Descriptor) (manifest.Manifest, error)

// maxDepth bounds indexes of indexes; real ones stay below five.
const maxDepth = 50

// walk visits a manifest and all that is below it, each digest once, parents before children. visit gets the manifest,
// which has no bytes where d is a blob; a manifest that cannot be loaded comes with the error, and is not gone into.
// visit's own error ends the walk.
func walk(root manifest.Descriptor, load manifestLoader, visit func(d manifest.Descriptor, m manifest.Manifest, err error) error) error {
	return (&walker{load, visit, map[blob.Digest]bool{}}).visitManifest(root, 0)
}

type walker struct {
	load  manifestLoader
	visit func(manifest.Descriptor, manifest.Manifest, error) error
	seen  map[blob.Digest]bool
}

func (w *walker) visitManifest(d manifest.Descriptor, depth int) error {
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	if depth > maxDepth {
		return w.visit(d, manifest.Manifest{}, fmt.Errorf("%s: indexes are nested more than %d levels deep", d.Digest, maxDepth))
	}
	m, err := w.load(d)
	var refs []manifest.Descriptor
	if err == nil {
		refs, err = m.References()
	}
	if e := w.visit(d, m, err); e != nil {
		return e
	}
	for _, ref := range refs {
		if err := w.visitRef(ref, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) visitRef(d manifest.Descriptor, depth int) error {
	if manifest.IsManifest(d.MediaType) {
		return w.visitManifest(d, depth)
	}
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	return w.visit(d, manifest.Manifest{}, nil)
}
