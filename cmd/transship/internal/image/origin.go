package image

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// FetchManifest fetches the manifest that an argument names, from a registry. It also returns the
// argument's reference and its repository.
func FetchManifest(
	ctx context.Context, remote *run.Remote, arg string,
) (reference.Reference, manifest.Manifest, transfer.Source, error) {
	ref, err := cli.ParseReference(arg)
	if err != nil {
		return ref, manifest.Manifest{}, nil, err
	}
	repo, err := remote.Repository(ctx, ref, auth.Pull)
	if err != nil {
		return ref, manifest.Manifest{}, nil, err
	}
	m, err := repo.Manifest(ctx, ref.Identifier())
	return ref, m, repo, err
}

// Origin is an image at its source.
type Origin struct {
	transfer.Source
	Ref string // the image's tag or digest in Source
	// Name is the image's name there. An image without a name has no path, and its digest.
	Name reference.Reference
	// Signature is what the policy of --require-signature says of the image, once it was asked.
	Signature *signature.Verdict

	belongs bool // it is there only for another image of the same folder or tar
	close   func()
}

// Close ends the reading of the image.
func (o Origin) Close() {
	if o.close != nil {
		o.close()
	}
}

// ClosedBy returns the image with what Close calls.
func (o Origin) ClosedBy(release func()) Origin {
	o.close = release
	return o
}

// Origin opens the image at a location.
func (p *Opener) Origin(ctx context.Context, remote *run.Remote, l Location) (Origin, error) {
	if l.IsRegistry() {
		repo, err := remote.Repository(ctx, l.Ref, auth.Pull)
		return Origin{Source: repo, Ref: l.Ref.Identifier(), Name: l.Ref}, err
	}
	if l.isNull() {
		return l.synthetic(ctx)
	}
	images, err := p.local.get(ctx, p.Run, l)
	if err != nil {
		return Origin{}, err
	}
	var im LocalImage
	if l.isIndex {
		im, err = images.indexImage()
	} else {
		im, err = images.Find(ctx, l.inside())
	}
	if err != nil {
		images.Close()
		return Origin{}, err
	}
	o := im.origin()
	o.close = images.Close
	return o, nil
}

// Select opens the images of a selection other than tags of repositories. It is an error if there are
// none. Images of one tar or layout share what is closed: close them when none is read any more.
func (p *Opener) Select(ctx context.Context, remote *run.Remote, s Selection) ([]Origin, error) {
	if s.IsWhole() {
		return p.all(ctx, s)
	}
	o, err := p.Origin(ctx, remote, s.Location)
	if err != nil {
		return nil, err
	}
	return []Origin{o}, nil
}

// SelectTags opens the images of the selected tags of a repository.
func (p *Opener) SelectTags(ctx context.Context, remote *run.Remote, l TagList) ([]Origin, error) {
	var out []Origin
	for _, tag := range l.Selected {
		o, err := p.Origin(ctx, remote, Location{Transport: TransportDocker, Ref: l.Ref.WithTag(tag)})
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// all opens every image of a layout or tar. The first image closes it.
func (p *Opener) all(ctx context.Context, s Selection) ([]Origin, error) {
	images, err := p.local.get(ctx, p.Run, s.Location)
	if err != nil {
		return nil, err
	}
	var out []Origin
	for _, im := range images.Images {
		o := im.origin()
		o.belongs = im.belongsToOther(ctx)
		out = append(out, o)
	}
	if len(out) == 0 {
		defer images.Close()
		return nil, images.NoImages()
	}
	out[0].close = images.Close
	return out, nil
}

// origin returns the image, to be read by its digest. An image without a name keeps its tag, if
// any, and its digest.
func (im LocalImage) origin() Origin {
	name, err := reference.Parse(im.Name)
	if err != nil {
		name = reference.Reference{Tag: im.Tag(), Digest: im.Digest}
	}
	return Origin{Source: im.Source, Ref: string(im.Digest), Name: name}
}

// String returns the image's name as users write it.
func (o Origin) String() string {
	if o.Name.Path == "" {
		return fmt.Sprint(o.Source) + "@" + o.Ref
	}
	return o.Name.Familiar()
}

// Identity returns what is equal for equal images: the digest if it is known, else the source and
// the tag.
func (o Origin) Identity() string {
	if blob.Digest(o.Ref).Validate() == nil {
		return o.Ref
	}
	return fmt.Sprint(o.Source) + " " + o.Ref
}

// Resolve is Find for an image that is not named by its digest.
func (o *Origin) Resolve(ctx context.Context) error {
	if blob.Digest(o.Ref).Validate() == nil {
		return nil
	}
	return o.Find(ctx)
}

// Find asks the source for the image, and reads it by its digest from then on. A source that is no
// registry gives its images by digest, and has those.
func (o *Origin) Find(ctx context.Context) error {
	source, ok := o.Source.(interface {
		HeadManifest(context.Context, string) (manifest.Descriptor, error)
	})
	if !ok {
		return nil
	}
	d, err := source.HeadManifest(ctx, o.Ref)
	if err == nil && blob.Digest(o.Ref).Validate() != nil {
		o.Ref = string(d.Digest)
	}
	return err
}

// Collect reads the image's manifests ahead, those that the engine would copy, and makes a
// [CollectedImage] the source.
func (o *Origin) Collect(ctx context.Context, engine *transfer.Engine) error {
	closure, err := engine.Collect(ctx, o.Source, o.Ref)
	if err != nil {
		return err
	}
	o.Source, o.Ref = newCollectedImage(o.Source, closure), string(closure.Root.Digest)
	if o.Name.Digest != "" {
		o.Name.Digest = closure.Root.Digest // a list cut down to platforms has a digest of its own
	}
	return nil
}
