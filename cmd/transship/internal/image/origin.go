package image

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// FetchManifest reads the manifest that an argument names.
func FetchManifest(ctx context.Context, s *run.Remote, arg string) (reference.Reference, manifest.Manifest, transfer.Source, error) {
	ref, err := reference.Parse(arg)
	if err != nil {
		return ref, manifest.Manifest{}, nil, err
	}
	repo, err := s.Repository(ctx, ref, auth.Pull)
	if err != nil {
		return ref, manifest.Manifest{}, nil, err
	}
	m, err := repo.Manifest(ctx, ref.Identifier())
	return ref, m, repo, err
}

// Origin is an image where it is read from.
type Origin struct {
	transfer.Source
	Ref   string              // its tag or digest there
	Name  reference.Reference // what it is called there; without a path where it has no name, and then with its digest
	Close func()
}

// Origin opens the image at a location.
func (p *Opener) Origin(ctx context.Context, s *run.Remote, l Location) (Origin, error) {
	if l.IsRegistry() {
		repo, err := s.Repository(ctx, l.Ref, auth.Pull)
		return Origin{repo, l.Ref.Identifier(), l.Ref, func() {}}, err
	}
	if l.isNull() {
		return l.synthetic(ctx)
	}
	images, err := p.local.open(l)
	if err != nil {
		return Origin{}, err
	}
	im, err := images.Find(ctx, l.inside())
	if err != nil {
		images.Close()
		return Origin{}, err
	}
	o := im.origin()
	o.Close = images.Close
	return o, nil
}

// open opens a layout or tar.
func (l Location) open() (*LocalImages, error) {
	if l.IsArchive() {
		return openArchive(l.Path)
	}
	return openFolder(l.Path)
}

// origin is the image, read by its digest. One without a name keeps the tag that it may have, and its digest.
func (im LocalImage) origin() Origin {
	name, err := reference.Parse(im.Name)
	if err != nil {
		name = reference.Reference{Tag: im.Tag(), Digest: im.Digest}
	}
	return Origin{im.Source, string(im.Digest), name, func() {}}
}

// String is the image as people write it.
func (o Origin) String() string {
	if o.Name.Path == "" {
		return fmt.Sprint(o.Source) + "@" + o.Ref
	}
	return o.Name.Familiar()
}

// Identity tells images apart: by their digest, where that is known, else by their place and their name there.
func (o Origin) Identity() string {
	if blob.Digest(o.Ref).Validate() == nil {
		return o.Ref
	}
	return fmt.Sprint(o.Source) + " " + o.Ref
}

// Collect reads the image's manifests ahead, as the engine wants them, and makes them the source of what is copied.
func (o *Origin) Collect(ctx context.Context, engine *transfer.Engine) error {
	closure, err := engine.Collect(ctx, o.Source, o.Ref)
	if err != nil {
		return err
	}
	o.Source, o.Ref = newCollected(o.Source, closure), string(closure.Root.Digest)
	if o.Name.Digest != "" {
		o.Name.Digest = closure.Root.Digest // a part of a list is another list
	}
	return nil
}
