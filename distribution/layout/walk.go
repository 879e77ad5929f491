package layout

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// manifestLoader returns a manifest by its descriptor.
type manifestLoader func(d manifest.Descriptor) (manifest.Manifest, error)

// visitor is called with what walk finds.
type visitor func(d manifest.Descriptor, m manifest.Manifest, err error) error

// walk visits a manifest and everything that it refers to, directly or not. Each digest is visited
// once, parents before children. For a blob m is empty. An entry of an index whose media type is
// unknown is a manifest if it can be loaded as one, and otherwise a blob. If a manifest cannot be
// loaded, visit gets the error, and what it refers to is not visited. An error of visit ends the
// walk.
func walk(root manifest.Descriptor, load manifestLoader, visit visitor) error {
	return (&walker{load, visit, map[blob.Digest]bool{}}).visitManifest(root, 0)
}

type walker struct {
	load  manifestLoader
	visit visitor
	seen  map[blob.Digest]bool
}

func (w *walker) visitManifest(d manifest.Descriptor, depth int) error {
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	if err := d.CheckDepth(depth); err != nil {
		return w.visit(d, manifest.Manifest{}, err)
	}
	m, err := w.load(d)
	if depth > 0 && d.MayBeBlob(err) {
		return w.visit(d, manifest.Manifest{}, nil)
	}
	var refs []manifest.Descriptor
	if err == nil {
		refs, err = m.References()
	}
	if e := w.visit(d, m, err); e != nil {
		return e
	}
	for _, ref := range refs {
		visit := w.visitBlob
		if manifest.IsIndex(m.MediaType) && !manifest.IsBlob(ref.MediaType) {
			visit = func(d manifest.Descriptor) error { return w.visitManifest(d, depth+1) }
		}
		if err := visit(ref); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) visitBlob(d manifest.Descriptor) error {
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	return w.visit(d, manifest.Manifest{}, nil)
}
