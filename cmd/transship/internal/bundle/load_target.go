package bundle

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/reference"
)

// loadTargets says where the images of a bundle or folder are pushed.
type loadTargets struct {
	far      image.RegistryPrefix
	untagged map[blob.Digest]bool // the images with neither name nor tag that refer to no other
}

func newLoadTargets(ctx context.Context, far image.RegistryPrefix, all []image.LocalImage) *loadTargets {
	t := &loadTargets{far, map[blob.Digest]bool{}}
	for _, im := range all {
		if im.Name == "" && im.Tag() == "" && !im.Refers(ctx) {
			t.untagged[im.Digest] = true
		}
	}
	return t
}

// of returns the target of an image. An image that names no repository gets that of the command
// line, with its tag or else its digest; the error is a *[missingNameError] if there is none, or if
// several images would have no tag there.
func (t *loadTargets) of(ctx context.Context, im image.LocalImage) (reference.Reference, error) {
	name, err := reference.Parse(im.Name)
	if err == nil {
		return t.far.Target(name)
	}
	severalUntagged := len(t.untagged) > 1 && t.untagged[im.Digest]
	if t.far.Base.Path == "" || severalUntagged { // a registry drops images without a tag
		return reference.Reference{}, &missingNameError{im: im, far: t.far, severalUntagged: severalUntagged}
	}
	target := t.far.Base.WithDigest(im.Digest)
	if tag := im.Tag(); tag != "" {
		target = t.far.Base.WithTag(tag)
	}
	normal, err := reference.Parse(target.String())
	if err != nil {
		return target, &cli.UsageError{Message: fmt.Sprintf("%s is not a repository: %v", t.far, err)}
	}
	return normal, nil
}

// namelessImage is an image that has no target.
type namelessImage struct {
	image.LocalImage
	err error
}

// String names the image in messages.
func (im namelessImage) String() string { return cmp.Or(im.Tag(), im.Image.String()) }

// missingNameError says that an image has no name from which a target can be derived.
type missingNameError struct {
	im              image.LocalImage
	far             image.RegistryPrefix
	severalUntagged bool
}

// Error names the image.
func (e *missingNameError) Error() string {
	if tag := e.im.Tag(); tag != "" {
		return fmt.Sprintf("image %s has no name, only the tag %s", e.im.Digest, tag)
	}
	return fmt.Sprintf("image %s has no name", e.im.Digest)
}

// ExitCode returns [cli.ExitUsage].
func (*missingNameError) ExitCode() int { return cli.ExitUsage }

// adviceFor says how to give the image a name.
func (e *missingNameError) adviceFor(local *image.LocalImages) string {
	where := image.TransportOCI + local.Path
	if local.Archive != nil {
		where = image.TransportOCIArchive + local.Path
	}
	if e.severalUntagged {
		return fmt.Sprintf("to push all images as one, write transship copy %s@index REGISTRY/NAME:TAG", where)
	}
	if e.im.Tag() != "" {
		return fmt.Sprintf("name its repository: transship load %s %s/NAME", local.Path, e.far)
	}
	return fmt.Sprintf("give it one: transship copy %s@%s REGISTRY/NAME:TAG", where, e.im.Digest)
}
