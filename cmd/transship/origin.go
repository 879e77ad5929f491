package main

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// origin is an image where it is read from.
type origin struct {
	transfer.Source
	ref   string              // its tag or digest there
	name  reference.Reference // what it is called there; without a path where it has no name, and then with its digest
	close func()
}

// origin opens the image at a location.
func (p *places) origin(ctx context.Context, s *remote, l location) (origin, error) {
	if l.registry() {
		repo, err := s.repository(ctx, l.ref, auth.Pull)
		return origin{repo, l.ref.Identifier(), l.ref, func() {}}, err
	}
	if l.null() {
		return l.synthetic(ctx)
	}
	images, err := p.local.open(l)
	if err != nil {
		return origin{}, err
	}
	im, err := images.find(ctx, l.inside())
	if err != nil {
		images.close()
		return origin{}, err
	}
	o := im.origin()
	o.close = images.close
	return o, nil
}

// open opens a layout or tar.
func (l location) open() (*localImages, error) {
	if l.archive() {
		return openArchive(l.path)
	}
	return openFolder(l.path)
}

// origin is the image, read by its digest. One without a name keeps the tag that it may have, and its digest.
func (im localImage) origin() origin {
	name, err := reference.Parse(im.Name)
	if err != nil {
		name = reference.Reference{Tag: im.Tag(), Digest: im.Digest}
	}
	return origin{im.Source, string(im.Digest), name, func() {}}
}

// String is the image as people write it.
func (o origin) String() string {
	if o.name.Path == "" {
		return fmt.Sprint(o.Source) + "@" + o.ref
	}
	return o.name.Familiar()
}

// identity tells images apart: by their digest, where that is known, else by their place and their name there.
func (o origin) identity() string {
	if blob.Digest(o.ref).Validate() == nil {
		return o.ref
	}
	return fmt.Sprint(o.Source) + " " + o.ref
}

// collect reads the image's manifests ahead, as the engine wants them, and makes them the source of what is copied.
func (o *origin) collect(ctx context.Context, engine *transfer.Engine) error {
	closure, err := engine.Collect(ctx, o.Source, o.ref)
	if err != nil {
		return err
	}
	o.Source, o.ref = newCollected(o.Source, closure), string(closure.Root.Digest)
	if o.name.Digest != "" {
		o.name.Digest = closure.Root.Digest // a part of a list is another list
	}
	return nil
}
