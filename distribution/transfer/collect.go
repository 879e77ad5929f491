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

// Closure is everything an image consists of. A caller that must know all sizes before the first
// byte moves, as for a bundle, gets it from [Engine.Collect] and then moves the blobs with
// [Engine.Fill].
type Closure struct {
	Root      manifest.Manifest
	Manifests []manifest.Manifest   // every manifest once, children before parents, the root last
	Blobs     []manifest.Descriptor // every config and layer once, without foreign layers that are left out
	Referrers []Referrer            // what refers to the image, if Engine.Referrers is set; sorted by tag and digest
}

// Referrer is a manifest that refers to an image or to a manifest below it, by its subject or by a
// tag of cosign's.
type Referrer struct {
	Tag string // "" if it has a subject
	manifest.Descriptor
}

// Collect reads all manifests of the image that ref names: those that Platforms keeps, and with
// Referrers also those that refer to them. It reads no blobs, except a config that has the platform
// of a single image. Errors are those of [Engine.Copy].
func (e *Engine) Collect(ctx context.Context, src Source, ref string) (Closure, error) {
	e.prepare()
	c, found := e.newCollectingRun(src)
	root, err := c.getRoot(ctx, ref)
	if err != nil {
		return Closure{}, err
	}
	if _, err := c.putImage(ctx, root, string(root.Digest), presence{}, e.Referrers); err != nil {
		return Closure{}, err
	}
	return found.closure(root)
}

// newCollectingRun returns a run that reads manifests, and what keeps them.
func (e *Engine) newCollectingRun(src Source) (*copyRun, *manifestCollector) {
	found := &manifestCollector{
		manifests: map[blob.Digest]manifest.Manifest{}, tags: map[string]manifest.Descriptor{},
		foreign: map[blob.Digest]bool{},
	}
	c := e.newIsolatedRun(src, found)
	c.quiet = true
	return c, found
}

// putMade puts the blobs of an image that its source makes, if it is a [BlobMaker] and the target lacks the
// image.
func (c *copyRun) putMade(ctx context.Context, root manifest.Manifest, have presence) error {
	makes := MakesBlob(c.src)
	if makes == nil || have.is(root) {
		return nil
	}
	collecting, found := c.engine.newCollectingRun(c.src)
	if err := collecting.putChildren(ctx, root, 0, false); err != nil {
		return err
	}
	all, err := found.closure(root)
	if err != nil {
		return err
	}
	made := slices.DeleteFunc(all.Blobs, func(d manifest.Descriptor) bool { return !makes(d.Digest) })
	return c.engine.forEachBlob(ctx, made, c.putBlob)
}

// Fill puts blobs to the target as [Engine.Copy] does, and no manifest.
func (e *Engine) Fill(ctx context.Context, src Source, dst Target, blobs []manifest.Descriptor) error {
	e.prepare()
	return e.forEachBlob(ctx, blobs, e.newRun(src, dst).putBlob)
}

// manifestCollector is a target that keeps the manifests and reads no blobs.
type manifestCollector struct {
	mu        sync.Mutex
	manifests map[blob.Digest]manifest.Manifest
	tags      map[string]manifest.Descriptor
	foreign   map[blob.Digest]bool // foreign layers that are copied
}

// HeadManifest implements Target: it always returns fs.ErrNotExist.
func (c *manifestCollector) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("manifest %s: %w", ref, fs.ErrNotExist)
}

// PutBlob implements Target. The manifests have the descriptors of the blobs, but do not tell which
// foreign layers are copied.
func (c *manifestCollector) PutBlob(
	_ context.Context, d manifest.Descriptor, _ blob.Open, _ ...string,
) (blob.Outcome, error) {
	if !d.Distributable() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.foreign[d.Digest] = true
	}
	return blob.Exists, nil
}

// PutManifest implements Target.
func (c *manifestCollector) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.manifests[m.Digest] = m
	if ref != string(m.Digest) {
		c.tags[ref] = m.Descriptor
	}
	return nil
}

// closure lists what was collected in the order of the documents, so that it is the same each time.
func (c *manifestCollector) closure(root manifest.Manifest) (Closure, error) {
	w := &closureWalk{manifestCollector: c, seen: map[blob.Digest]bool{root.Digest: true}}
	referrers, err := c.referrers(root)
	if err != nil {
		return Closure{}, err
	}
	w.out.Root, w.out.Referrers = root, referrers
	if err := w.addReferences(root); err != nil {
		return Closure{}, err
	}
	for _, r := range referrers {
		if err := w.addManifest(r.Digest); err != nil {
			return Closure{}, err
		}
	}
	w.out.Manifests = append(w.out.Manifests, root)
	return w.out, nil
}

// referrers returns the manifests that no other manifest needs, except the root.
func (c *manifestCollector) referrers(root manifest.Manifest) ([]Referrer, error) {
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
	*manifestCollector
	seen map[blob.Digest]bool
	out  Closure
}

// addManifest lists a manifest after what it needs.
func (w *closureWalk) addManifest(d blob.Digest) error {
	if w.seen[d] {
		return nil
	}
	w.seen[d] = true
	m := w.manifests[d]
	if err := w.addReferences(m); err != nil {
		return err
	}
	w.out.Manifests = append(w.out.Manifests, m)
	return nil
}

// addReferences lists what a manifest needs.
func (w *closureWalk) addReferences(m manifest.Manifest) error {
	refs, err := m.References()
	if err != nil {
		return err
	}
	for _, d := range refs {
		_, isManifest := w.manifests[d.Digest]
		switch {
		case isManifest && manifest.IsIndex(m.MediaType):
			if err := w.addManifest(d.Digest); err != nil {
				return err
			}
		case !w.seen[d.Digest] && (d.Distributable() || w.foreign[d.Digest]):
			w.seen[d.Digest] = true
			w.out.Blobs = append(w.out.Blobs, d)
		}
	}
	return nil
}
