package plan

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// actionStore is what becomes of a blob that goes into a layout or tar.
const actionStore wire.PlannedAction = "store"

// LocalTarget is a layout or tar of which a plan finds out what would be put there.
type LocalTarget struct {
	name    string            // as it stands before an image's, such as oci:DIR
	dir     *layout.Dir       // what is there already, nil for nothing
	Base    *layout.Inventory // what is left out, nil for nothing
	TarSize int64             // bytes of the tar, where they are known

	mu        sync.Mutex
	has       map[blob.Digest]bool // beside dir
	noted     map[contentAt]bool   // blobs
	blobs     []wire.PlannedBlob
	manifests []wire.PlannedManifest
	tops      map[contentAt]manifest.Descriptor
}

// LocalTarget returns the layout or tar at a path, which is called name before its images, such as oci:DIR. What is there is only
// read; it need not be there.
func (p *Plan) LocalTarget(name, path string, isTar bool) (*LocalTarget, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.places[name]; at != nil {
		return at, nil
	}
	at := &LocalTarget{name: name, has: map[blob.Digest]bool{}, noted: map[contentAt]bool{}, tops: map[contentAt]manifest.Descriptor{}}
	if !isTar {
		dir, err := layout.OpenExisting(path)
		if err != nil {
			return nil, err
		}
		at.dir = dir
	}
	if p.places == nil {
		p.places = map[string]*LocalTarget{}
	}
	p.places[name] = at
	p.inOrder = append(p.inOrder, at)
	return at, nil
}

// nameOf is what people call an image: on a host, or in a layout or tar.
func (p *Plan) nameOf(host, repository, ref string) string {
	if p.places[host] == nil {
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

// targetName is what people call an image at a target of the engine's.
func (p *Plan) targetName(target, ref string) string {
	for _, at := range p.inOrder {
		if repository, inIt := strings.CutPrefix(target, at.name+":"); inIt {
			return p.nameOf(at.name, repository, ref)
		}
	}
	return familiar(target, ref)
}

// Repository is a repository of such a place, as a target.
type Repository struct {
	*LocalTarget
	repository string // "" for images without a name
}

// Repository returns the repository of that name, "" for images without a name.
func (p *LocalTarget) Repository(name string) *Repository { return &Repository{p, name} }

// String implements fmt.Stringer.
func (s *Repository) String() string { return s.name + ":" + s.repository }

// Place implements transfer.Placed.
func (s *Repository) Place() (registry, repository string) { return s.name, s.repository }

func (s *Repository) at(ref string) contentAt { return contentAt{s.name, s.repository, ref} }

// HeadManifest implements transfer.Target.
func (s *Repository) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	s.mu.Lock()
	d, put := s.tops[s.at(ref)]
	s.mu.Unlock()
	switch {
	case put:
		return d, nil
	case s.dir == nil:
		return d, fmt.Errorf("%s: %s: %w", s, ref, fs.ErrNotExist)
	case s.repository == "":
		return s.dir.Unnamed().HeadManifest(ctx, ref)
	}
	return s.dir.Repository(s.repository).HeadManifest(ctx, ref)
}

// PutBlob implements transfer.Target: what is not there is opened, as the run would open it, and not read.
func (s *Repository) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	if s.knows(d) {
		s.note(d, wire.ActionPresent)
		return blob.Exists, nil
	}
	in := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer in.Close()
	skipper, ok := in.(blob.Skipper)
	if !ok {
		return 0, fmt.Errorf("%s: %T cannot be skipped", s, in)
	}
	if err := skipper.Skip(); err != nil {
		return 0, err
	}
	s.note(d, actionStore)
	return blob.Uploaded, nil
}

// knows tells whether a blob is there, will be, or need not be.
func (s *Repository) knows(d manifest.Descriptor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, left := s.Base.Find(d.Digest); left || s.has[d.Digest] {
		return true
	}
	if s.dir == nil {
		return false
	}
	size, err := s.dir.BlobSize(d.Digest)
	return err == nil && size == d.Size
}

// note notes what becomes of a blob, once in each repository: a later image finds there what an earlier one brings.
func (s *Repository) note(d manifest.Descriptor, action wire.PlannedAction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.at(string(d.Digest))
	if s.noted[at] {
		return
	}
	s.has[d.Digest], s.noted[at] = true, true
	s.blobs = append(s.blobs, wire.PlannedBlob{Host: s.name, Repository: s.repository, Digest: string(d.Digest), Action: action, Size: d.Size})
}

// PutManifest implements transfer.Target.
func (s *Repository) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tops[s.at(ref)] = m.Descriptor
	s.manifests = append(s.manifests, wire.PlannedManifest{Host: s.name, Repository: s.repository, Reference: ref, MediaType: m.MediaType, Raw: m.Raw})
	return nil
}

// Tag implements tagged: the image has been noted.
func (s *Repository) Tag(context.Context, blob.Digest, ...string) error { return nil }
