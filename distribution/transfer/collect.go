package transfer

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
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
	Referrers []Referrer            // what refers to the image, where the engine copies that; sorted by tag and digest
}

// Referrer is a manifest that refers to an image or to a part of it: by its subject, or by a tag of cosign's.
type Referrer struct {
	Tag string // "" where it has a subject
	manifest.Descriptor
}

// Collect reads the manifests of the image that ref names, as far as Platforms keeps them, with Referrers also those of
// what refers to it, and no blob but a config that has to be looked into for its platform. Errors are those of
// [Engine.Copy].
func (e *Engine) Collect(ctx context.Context, src Source, ref string) (Closure, error) {
	e.prepare()
	root, err := e.root(ctx, src, ref)
	if err != nil {
		return Closure{}, err
	}
	found := &collection{manifests: map[blob.Digest]manifest.Manifest{}, tags: map[string]manifest.Descriptor{}}
	c := e.copyingTo(src, found)
	c.silent = true
	if _, err := c.image(ctx, root, string(root.Digest), presence{}, e.Referrers); err != nil {
		return Closure{}, err
	}
	return found.closure(root)
}

// Fill puts the blobs into the target, as [Engine.Copy] does, and no manifest.
func (e *Engine) Fill(ctx context.Context, src Source, dst Target, blobs []manifest.Descriptor) error {
	e.prepare()
	return e.blobsSideBySide(ctx, blobs, e.copying(src, dst).putBlob)
}

// collection is a target that keeps the manifests and asks for no blob.
type collection struct {
	mu        sync.Mutex
	manifests map[blob.Digest]manifest.Manifest
	tags      map[string]manifest.Descriptor
}

// HeadManifest implements Target: nothing is there yet.
func (c *collection) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("manifest %s: %w", ref, fs.ErrNotExist)
}

// PutBlob implements Target. The manifests say which blobs there are.
func (*collection) PutBlob(context.Context, manifest.Descriptor, blob.Open, ...string) (blob.Outcome, error) {
	return blob.Exists, nil
}

// PutManifest implements Target.
func (c *collection) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.manifests[m.Digest] = m
	if ref != string(m.Digest) {
		c.tags[ref] = m.Descriptor
	}
	return nil
}

// closure puts what was found into order: that of the documents, so that it is the same each time.
func (c *collection) closure(root manifest.Manifest) (Closure, error) {
	w := &closureWalk{collection: c, seen: map[blob.Digest]bool{root.Digest: true}}
	referrers, err := c.referrers(root)
	if err != nil {
		return Closure{}, err
	}
	w.out.Root, w.out.Referrers = root, referrers
	if err := w.below(root); err != nil {
		return Closure{}, err
	}
	for _, r := range referrers {
		if err := w.add(r.Digest); err != nil {
			return Closure{}, err
		}
	}
	w.out.Manifests = append(w.out.Manifests, root)
	return w.out, nil
}

// referrers are the manifests that stand for themselves: no other one needs them.
func (c *collection) referrers(root manifest.Manifest) ([]Referrer, error) {
	needed := map[blob.Digest]bool{root.Digest: true}
	for _, m := range c.manifests {
		refs, err := m.References()
		if err != nil {
			return nil, err
		}
		for _, d := range refs {
			needed[d.Digest] = true
		}
	}
	var out []Referrer
	for tag, d := range c.tags {
		needed[d.Digest] = true
		out = append(out, Referrer{tag, d})
	}
	for d, m := range c.manifests {
		if !needed[d] {
			out = append(out, Referrer{"", m.Descriptor})
		}
	}
	slices.SortFunc(out, func(a, b Referrer) int {
		return cmp.Or(strings.Compare(a.Tag, b.Tag), strings.Compare(string(a.Digest), string(b.Digest)))
	})
	return out, nil
}

// closureWalk lists what manifests need, each digest once.
type closureWalk struct {
	*collection
	seen map[blob.Digest]bool
	out  Closure
}

// add lists a manifest after what it needs.
func (w *closureWalk) add(d blob.Digest) error {
	if w.seen[d] {
		return nil
	}
	w.seen[d] = true
	m := w.manifests[d]
	if err := w.below(m); err != nil {
		return err
	}
	w.out.Manifests = append(w.out.Manifests, m)
	return nil
}

// below lists what a manifest needs.
func (w *closureWalk) below(m manifest.Manifest) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		_, isManifest := w.manifests[d.Digest]
		switch {
		case isManifest && manifest.IsIndex(m.MediaType):
			if err := w.add(d.Digest); err != nil {
				return err
			}
		case !w.seen[d.Digest] && d.Distributable():
			w.seen[d.Digest] = true
			w.out.Blobs = append(w.out.Blobs, d)
		}
	}
	return nil
}
