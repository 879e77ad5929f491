package transfer

import (
	"context"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Closure is all that an image consists of. Whoever must know sizes before the first byte moves, as a bundle does,
// collects it first and then has its blobs filled in.
type Closure struct {
	Root      manifest.Manifest
	Manifests []manifest.Manifest   // every manifest once, children before parents, the root last
	Blobs     []manifest.Descriptor // every config and layer once; foreign layers are not among them
}

// Collect reads the manifests of the image that ref names, as far as Platforms keeps them, and no blob but a config
// that has to be looked into for its platform. Errors are those of [Engine.Copy].
func (e *Engine) Collect(ctx context.Context, src Source, ref string) (Closure, error) {
	e.prepare()
	root, err := e.root(ctx, src, ref)
	if err != nil {
		return Closure{}, err
	}
	c := &collecting{engine: e, src: src, manifests: map[blob.Digest]manifest.Manifest{}}
	if err := c.below(ctx, root); err != nil {
		return Closure{}, err
	}
	return c.closure(root)
}

// Fill puts the blobs into the target, as [Engine.Copy] does, and no manifest.
func (e *Engine) Fill(ctx context.Context, src Source, dst Target, blobs []manifest.Descriptor) error {
	e.prepare()
	return sideBySide(ctx, blobs, e.copying(src, dst).putBlob)
}

// collecting is one image being read.
type collecting struct {
	engine *Engine
	src    Source

	mu        sync.Mutex
	manifests map[blob.Digest]manifest.Manifest // below the root
}

// below reads the manifests that m needs, side by side.
func (c *collecting) below(ctx context.Context, m manifest.Manifest) error {
	if !manifest.IsIndex(m.MediaType) {
		return nil
	}
	refs, err := m.References()
	if err != nil {
		return err
	}
	return sideBySide(ctx, refs, c.child)
}

func (c *collecting) child(ctx context.Context, d manifest.Descriptor) error {
	m, err := c.engine.fetchChild(ctx, c.src, d)
	if err != nil {
		return err
	}
	if c.note(m) {
		return c.below(ctx, m)
	}
	return nil
}

// note keeps a manifest and tells whether it was not known yet.
func (c *collecting) note(m manifest.Manifest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.manifests[m.Digest]
	c.manifests[m.Digest] = m
	return !known
}

// closure puts what was found into order: that of the documents, so that it is the same each time.
func (c *collecting) closure(root manifest.Manifest) (Closure, error) {
	out := Closure{Root: root}
	seen := map[blob.Digest]bool{}
	var walk func(m manifest.Manifest) error
	walk = func(m manifest.Manifest) error {
		seen[m.Digest] = true
		refs, err := m.References()
		if err != nil {
			return err
		}
		for _, d := range refs {
			child, isManifest := c.manifests[d.Digest]
			switch {
			case seen[d.Digest]:
			case isManifest && manifest.IsIndex(m.MediaType):
				if err := walk(child); err != nil {
					return err
				}
			case d.Distributable():
				seen[d.Digest] = true
				out.Blobs = append(out.Blobs, d)
			}
		}
		out.Manifests = append(out.Manifests, m)
		return nil
	}
	return out, walk(root)
}
