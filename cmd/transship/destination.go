package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// places opens where the images of a run are: registries, layouts and tars. It keeps open what several images share.
type places struct {
	run   *app
	local openedImages // for reading

	mu      sync.Mutex
	layouts map[string]*layout.Dir // for writing, by their paths
}

// destination is where an image is copied to.
type destination struct {
	transfer.Target
	at     location
	as     string                      // the tag or digest there, "" where it is put under neither
	commit func(context.Context) error // makes permanent what has come
	leave  func()                      // ends it where that did not work, or is done; nothing half is to be seen then
}

// result is what is printed of an image that has arrived.
func (d destination) result(digest blob.Digest) string {
	if d.at.registry() {
		ref := d.at.ref
		ref.Digest = digest
		return ref.Familiar()
	}
	return fmt.Sprintf("%s@%s", d.at.named(), digest)
}

// destination opens a location for an image. A tar needs all of the image's manifests at once: it must be collected.
func (p *places) destination(ctx context.Context, s *remote, l location, src origin) (destination, error) {
	as, err := l.nameFor(src.name)
	switch {
	case err != nil:
		return destination{}, err
	case l.null() && p.run.planning():
		return destination{}, &usageError{message: "--plan tells what is put where, and nothing is put in null:", advice: "leave out --plan, or that target"}
	case l.null():
		return l.nullDestination()
	case l.archive():
		return p.archiveDestination(l, as, src)
	case p.run.planning() && !l.registry():
		return p.plannedDestination(l.calling(as), as, 0)
	case !l.registry():
		return p.layoutDestination(l.calling(as), as)
	}
	repo, err := s.repository(ctx, as, auth.Pull, auth.Push)
	if err != nil {
		return destination{}, err
	}
	return destination{repo, l, as.Identifier(), nothing, func() {}}, nil
}

func nothing(context.Context) error { return nil }

// nameFor is what an image is called at a location: what that says, as far as it says it. In a layout or tar the image
// keeps the rest of its name.
func (l location) nameFor(name reference.Reference) (as reference.Reference, err error) {
	switch {
	case l.registry():
		as = l.ref
	case l.whole():
		as = name
		if as.Tag != "" {
			as.Digest = "" // beside a tag it says nothing more
		}
	case l.image == "":
		as = name.WithDigest(l.digest)
	case reference.ValidTag(l.image):
		as = name.WithTag(l.image)
		as.Digest = l.digest
	default:
		as, err = reference.Parse(l.inside())
	}
	if err == nil && as.Tag != "" && as.Digest != "" {
		err = &usageError{message: "the target has a tag and a digest", advice: "give it one of the two; the digest is kept anyway"}
	}
	return as, err
}

// overwrites tells whether what is written to one location is lost by writing to another.
func (l location) overwrites(other location) bool {
	if l.archive() && other.archive() {
		return filepath.Clean(l.path) == filepath.Clean(other.path)
	}
	return l == other
}

// layoutDestination is a repository of an OCI image layout.
func (p *places) layoutDestination(l location, as reference.Reference) (destination, error) {
	dir, err := p.layout(l.path)
	if err != nil {
		return destination{}, err
	}
	release, err := dir.Hold()
	if err != nil {
		return destination{}, err
	}
	repo, commit := dir.Unnamed(), nothing
	if as.Path != "" {
		repo = dir.Repository(as.Name())
	}
	if as.Tag == "" {
		commit = func(ctx context.Context) error { return repo.Tag(ctx, as.Digest) } // it is an image of its own
	}
	return destination{storing{repo}, l, as.Identifier(), commit, release}, nil
}

// layout opens a layout to write to, once for all images that go there.
func (p *places) layout(path string) (*layout.Dir, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if dir, open := p.layouts[path]; open {
		return dir, nil
	}
	dir, err := layout.OpenDir(path)
	if err != nil {
		return nil, err
	}
	if p.layouts == nil {
		p.layouts = map[string]*layout.Dir{}
	}
	p.layouts[path] = dir
	return dir, nil
}

// plannedDestination is a layout in a plan, or a tar of size bytes.
func (p *places) plannedDestination(l location, as reference.Reference, size int64) (destination, error) {
	place, err := p.run.plan.place(l.file())
	if err != nil {
		return destination{}, err
	}
	place.size = size
	return destination{place.store(as), l, as.Identifier(), nothing, func() {}}, nil
}

// checkName makes sure that an image can be called so in a tar.
func (l location) checkName(as reference.Reference, what *collected) error {
	if l.image != "" && as.Path == "" {
		return &usageError{
			message: fmt.Sprintf("%s: the image has no name that the tag could belong to", l),
			advice:  fmt.Sprintf("give it one: %s%s:NAME:%s", l.transport, l.path, as.Tag),
		}
	}
	if root := what.Root.Digest; as.Digest != "" && as.Digest != root && as.Digest.Algorithm() == root.Algorithm() {
		return fmt.Errorf("%s: %w, %s", l, transfer.ErrTargetDigest, root)
	}
	return nil
}

// archiveDestination is a bundle with one image.
func (p *places) archiveDestination(l location, as reference.Reference, src origin) (destination, error) {
	what, ok := src.Source.(*collected)
	if !ok {
		return destination{}, fmt.Errorf("%s: the manifests of %s are not collected", l, src)
	}
	if err := l.checkName(as, what); err != nil {
		return destination{}, err
	}
	b := newBundling()
	b.add(what.Source, as, what.Closure)
	if p.run.planning() {
		size, err := layout.Size(l.path, b.Contents, layout.Files{})
		if err != nil {
			return destination{}, err
		}
		return p.plannedDestination(l, as, size)
	}
	bundle, err := layout.Create(l.path, b.Contents, layout.Files{})
	if err != nil {
		return destination{}, err
	}
	commit := func(ctx context.Context) error {
		_, err := bundle.Commit(ctx)
		return err
	}
	return destination{bundle, l, as.Identifier(), commit, func() { bundle.Close() }}, nil
}
