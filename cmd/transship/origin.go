package main

import (
	"context"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// origin is an image where it is read from.
type origin struct {
	transfer.Source
	ref   string              // its tag or digest there
	name  reference.Reference // what it is called there; empty where it has no name
	close func()
}

// origin opens the image at a location.
func (a *app) origin(ctx context.Context, s *side, l location) (origin, error) {
	if l.registry() {
		repo, err := a.repository(ctx, s, l.ref, auth.Pull)
		return origin{repo, l.ref.Identifier(), l.ref, func() {}}, err
	}
	if l.null() {
		return l.synthetic(ctx)
	}
	images, err := l.open()
	if err != nil {
		return origin{}, err
	}
	im, err := images.find(l.image)
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

// origin is the image, read by its digest.
func (im localImage) origin() origin {
	name, _ := reference.Parse(im.Name) // "" names nothing
	return origin{im.Source, string(im.Digest), name, func() {}}
}
