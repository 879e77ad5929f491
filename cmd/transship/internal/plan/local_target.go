package plan

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// Actions of blobs that go into a layout or tar: themselves, or a delta in their place.
const (
	actionStore wire.PlannedAction = "store"
	actionDelta wire.PlannedAction = "delta"
)

// LocalTarget takes the place of a layout or tar in a planned run: it notes what would be written
// there.
type LocalTarget struct {
	Base    *layout.Inventory            // blobs that a bundle leaves out; may be nil
	Deltas  map[blob.Digest]layout.Delta // by blob: the delta that a bundle has in its place
	TarSize int64                        // bytes of the tar; 0 if not known

	name  string      // precedes the names of its images, such as oci:DIR
	place string      // where it is, however its path is written
	dir   *layout.Dir // the layout's present content; nil for a tar

	mu        sync.Mutex
	added     map[blob.Digest]bool // blobs beside those of dir
	noted     map[contentKey]bool  // blobs
	blobs     []wire.PlannedBlob
	manifests []wire.PlannedManifest
	tops      map[contentKey]manifest.Descriptor
}

// LocalTarget returns the layout or tar at a path. name precedes the names of its images, such as
// oci:DIR; where the path was written in another way before, that one counts. A layout is only read,
// and need not exist.
func (p *Plan) LocalTarget(name, path string, isTar bool) (*LocalTarget, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := layout.Place(path)
	if i := slices.IndexFunc(p.locals, func(t *LocalTarget) bool { return t.place == place }); i >= 0 {
		return p.locals[i], nil
	}
	t := &LocalTarget{
		name:  name,
		place: place,
		added: map[blob.Digest]bool{},
		noted: map[contentKey]bool{},
		tops:  map[contentKey]manifest.Descriptor{},
	}
	if !isTar {
		dir, err := layout.OpenExisting(path)
		if err != nil {
			return nil, err
		}
		t.dir = dir
	}
	p.locals = append(p.locals, t)
	return t, nil
}

// local returns the layout or tar of a name, nil if the run has none.
func (p *Plan) local(name string) *LocalTarget {
	if i := slices.IndexFunc(p.locals, func(t *LocalTarget) bool { return t.name == name }); i >= 0 {
		return p.locals[i]
	}
	return nil
}

// delta returns the delta that a tar has in the place of a blob.
func (p *Plan) delta(host string, d blob.Digest) *delta {
	known := p.local(host).Deltas[d]
	return &delta{known.Base, known.Size}
}

// imageName returns an image's name as users write it. host is a registry's, or the name of a
// layout or tar.
func (p *Plan) imageName(host, repository, ref string) string {
	if p.local(host) == nil {
		return familiar(host+"/"+repository, ref)
	}
	switch {
	case repository != "":
		return host + ":" + familiar(repository, ref)
	case blob.Digest(ref).Validate() == nil:
		return host + "@" + ref
	}
	return host + ":" + ref
}

// targetName returns the name of an image of an engine's target as users write it.
func (p *Plan) targetName(target, ref string) string {
	for _, t := range p.locals {
		if repository, ok := strings.CutPrefix(target, t.name+":"); ok {
			return p.imageName(t.name, repository, ref)
		}
	}
	return familiar(target, ref)
}

// Repository is a transfer.Target: a repository of a layout or tar.
type Repository struct {
	*LocalTarget
	repository string // "" for images without a name
}

// Repository returns the repository of a name, "" for images without a name.
func (t *LocalTarget) Repository(name string) *Repository { return &Repository{t, name} }

// String implements fmt.Stringer.
func (r *Repository) String() string { return r.name + ":" + r.repository }

// Place implements transfer.Placer.
func (r *Repository) Place() (registry, repository string) { return r.LocalTarget.place, r.repository }

func (r *Repository) key(ref string) contentKey { return contentKey{r.name, r.repository, ref} }

// HeadManifest implements transfer.Target.
func (r *Repository) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	r.mu.Lock()
	d, put := r.tops[r.key(ref)]
	r.mu.Unlock()
	switch {
	case put:
		return d, nil
	case r.dir == nil:
		return d, fmt.Errorf("%s: %s: %w", r, ref, fs.ErrNotExist)
	case r.repository == "":
		return r.dir.Unnamed().HeadManifest(ctx, ref)
	}
	return r.dir.Repository(r.repository).HeadManifest(ctx, ref)
}

// PutBlob implements transfer.Target. It opens a missing blob, as the run would, and does not read
// it.
func (r *Repository) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	if r.hasBlob(d) {
		r.note(d, wire.ActionPresent)
		return blob.Exists, nil
	}
	if _, isDelta := r.Deltas[d.Digest]; isDelta {
		r.note(d, actionDelta)
		return blob.Uploaded, nil
	}
	in := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer in.Close()
	skipper, ok := in.(blob.Skipper)
	if !ok {
		return 0, fmt.Errorf("%s: %T cannot be skipped", r, in)
	}
	if err := skipper.Skip(); err != nil {
		return 0, err
	}
	r.note(d, actionStore)
	return blob.Uploaded, nil
}

// hasBlob reports whether a blob is there, would be by now, or is left out of the bundle.
func (r *Repository) hasBlob(d manifest.Descriptor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, leftOut := r.Base.Find(d.Digest); leftOut || r.added[d.Digest] {
		return true
	}
	if r.dir == nil {
		return false
	}
	size, err := r.dir.BlobSize(d.Digest)
	return err == nil && size == d.Size
}

// note adds a blob, once in each repository: a later image finds the blobs of an earlier one there.
func (r *Repository) note(d manifest.Descriptor, action wire.PlannedAction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.key(string(d.Digest))
	if r.noted[key] {
		return
	}
	r.added[d.Digest], r.noted[key] = true, true
	r.blobs = append(r.blobs, wire.PlannedBlob{
		Host: r.name, Repository: r.repository, Digest: string(d.Digest), Action: action, Size: d.Size,
	})
}

// PutManifest implements transfer.Target.
func (r *Repository) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tops[r.key(ref)] = m.Descriptor
	r.manifests = append(r.manifests, wire.PlannedManifest{
		Host: r.name, Repository: r.repository, Reference: ref, MediaType: m.MediaType, Raw: m.Raw,
	})
	return nil
}

// Tag does nothing: PutManifest has noted the image.
func (r *Repository) Tag(context.Context, blob.Digest, ...string) error { return nil }
