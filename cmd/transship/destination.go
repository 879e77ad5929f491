package main

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

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

// destination opens a location for an image that is called name where it comes from. A tar needs all of the image's
// manifests at once.
func (a *app) destination(ctx context.Context, s *side, l location, name reference.Reference, what *collected, chunk int64) (destination, error) {
	if l.registry() {
		repo, err := a.repository(ctx, s, l.ref, auth.Pull, auth.Push)
		if err != nil {
			return destination{}, err
		}
		repo.ChunkSize = chunk
		return destination{repo, l, l.ref.Identifier(), nothing, func() {}}, nil
	}
	as, err := l.nameFor(name)
	switch {
	case a.planning():
		return destination{}, &usageError{message: fmt.Sprintf("--plan tells of registries, and %s is in none", l), hint: "leave out --plan, or that target"}
	case l.null():
		return l.nullDestination()
	case err != nil:
		return destination{}, err
	case l.archive():
		return archiveDestination(l, as, what)
	}
	return a.layoutDestination(l.calling(as), as)
}

func nothing(context.Context) error { return nil }

// nameFor is what an image is called in a layout or tar: by what the location says, as far as it says it.
func (l location) nameFor(name reference.Reference) (reference.Reference, error) {
	switch {
	case l.image == "":
		return name, nil
	case blob.Digest(l.image).Validate() == nil:
		return name.WithDigest(blob.Digest(l.image)), nil
	case reference.ValidTag(l.image):
		return name.WithTag(l.image), nil
	}
	return reference.Parse(l.image)
}

// layoutDestination is a repository of an OCI image layout.
func (a *app) layoutDestination(l location, as reference.Reference) (destination, error) {
	dir, err := a.layout(l.path)
	if err != nil {
		return destination{}, err
	}
	release, err := dir.Hold()
	if err != nil {
		return destination{}, err
	}
	repo := dir.Unnamed()
	if as.Path != "" {
		repo = dir.Repository(as.Name())
	}
	return destination{untagged{storing{repo}}, l, as.Identifier(), nothing, release}, nil
}

// layout opens a layout to write to, once for all images that go there.
func (a *app) layout(path string) (*layout.Dir, error) {
	a.shared.mu.Lock()
	defer a.shared.mu.Unlock()
	if dir, open := a.shared.layouts[path]; open {
		return dir, nil
	}
	dir, err := layout.OpenDir(path)
	if err != nil {
		return nil, err
	}
	if a.shared.layouts == nil {
		a.shared.layouts = map[string]*layout.Dir{}
	}
	a.shared.layouts[path] = dir
	return dir, nil
}

// untagged is a repository of a layout that an image can be put into under no tag too.
type untagged struct{ storing }

// HeadManifest implements transfer.Target.
func (u untagged) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	if ref == "" {
		return manifest.Descriptor{}, fs.ErrNotExist
	}
	return u.storing.HeadManifest(ctx, ref)
}

// PutManifest implements transfer.Target.
func (u untagged) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	if ref == "" {
		return u.Repository.PutManifest(ctx, string(m.Digest), m)
	}
	return u.storing.PutManifest(ctx, ref, m)
}

// archiveDestination is a bundle with one image.
func archiveDestination(l location, as reference.Reference, what *collected) (destination, error) {
	if as.Tag != "" && as.Path == "" {
		return destination{}, &usageError{
			message: fmt.Sprintf("%s: the image has no name that the tag could belong to", l),
			hint:    fmt.Sprintf("give it one: %s%s:NAME:%s", l.transport, l.path, as.Tag),
		}
	}
	b := newBundling()
	b.add(what.Source, as, what.Closure)
	bundle, err := layout.Create(l.path, b.Contents, 0)
	if err != nil {
		return destination{}, err
	}
	commit := func(ctx context.Context) error {
		_, err := bundle.Commit(ctx)
		return err
	}
	return destination{bundle, l, as.Identifier(), commit, func() { bundle.Close() }}, nil
}
