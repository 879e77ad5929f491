package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// deltaBase is where the earlier images of --since are, to compare layers with.
type deltaBase interface {
	// find returns the image to compare one of a name with: of the same repository, and of the same tag if
	// there is one. The name has no path if the image has none. If there is nothing to compare it with the error
	// is a *baselessError.
	find(ctx context.Context, name reference.Reference) (src transfer.Source, ref string, err error)
	// repositories returns the repositories in which load looks for a blob, as the bundle names them.
	repositories(d blob.Digest, name reference.Reference) []string
	close()
}

// fileBase is a bundle or a folder.
type fileBase struct {
	images    *image.LocalImages
	named     []image.LocalImage // of images, without those that only refer to others
	unnamed   []image.LocalImage // likewise: with a tag alone, or without one
	inventory layout.Inventory
}

// newFileBase returns a bundle or folder as a base.
func newFileBase(ctx context.Context, images *image.LocalImages, in layout.Inventory) *fileBase {
	b := &fileBase{images: images, inventory: in}
	for _, im := range images.Images {
		switch _, err := reference.Parse(im.Name); {
		case im.Refers(ctx):
		case err == nil:
			b.named = append(b.named, im)
		default:
			b.unnamed = append(b.unnamed, im)
		}
	}
	return b
}

func (b *fileBase) close() { b.images.Close() }

// find implements deltaBase. Without the tag it is the last image of the repository. If that has none, the
// images without a repository may be of any, and so may the only image.
func (b *fileBase) find(_ context.Context, name reference.Reference) (transfer.Source, string, error) {
	candidates := slices.DeleteFunc(slices.Clone(b.named), func(im image.LocalImage) bool {
		ref, err := reference.Parse(im.Name)
		return err != nil || ref.Name() != name.Name()
	})
	if len(candidates) == 0 {
		candidates = b.unnamed
	}
	if len(candidates) == 0 && haveOneDigest(b.named) {
		candidates = b.named
	}
	switch n := len(candidates); {
	case n == 0 && name.Path == "":
		return nil, "", &baselessError{"it has no name to look for in " + b.images.Path}
	case n == 0:
		return nil, "", &baselessError{fmt.Sprintf("no image of %s is of %s", b.images.Path, name.FamiliarName())}
	}
	found := candidates[len(candidates)-1]
	if i := slices.IndexFunc(candidates, func(im image.LocalImage) bool { return tagOf(im) == name.Tag }); i >= 0 {
		found = candidates[i]
	}
	return found.Source, string(found.Digest), nil
}

// haveOneDigest reports whether images are one under several names.
func haveOneDigest(images []image.LocalImage) bool {
	return !slices.ContainsFunc(images, func(im image.LocalImage) bool { return im.Digest != images[0].Digest })
}

// tagOf returns the tag of an image, "" if it has none.
func tagOf(im image.LocalImage) string {
	if ref, err := reference.Parse(im.Name); err == nil {
		return ref.Tag
	}
	return im.Tag()
}

// repositories implements deltaBase.
func (b *fileBase) repositories(d blob.Digest, _ reference.Reference) []string {
	c, _ := b.inventory.Find(d)
	return c.Repositories
}

// registryBase is a registry that load has pushed images to.
type registryBase struct {
	from *run.Remote
	far  image.RegistryPrefix
}

func (*registryBase) close() {}

// find implements deltaBase. Without the tag it is the last one of the repository.
func (b *registryBase) find(ctx context.Context, name reference.Reference) (transfer.Source, string, error) {
	target, err := b.far.Target(name)
	if err != nil {
		return nil, "", err
	}
	repo, err := b.from.BindHost(target.Host()).Repository(ctx, target, auth.Pull)
	if err != nil {
		return nil, "", err
	}
	repo.Mirrors = nil // what a mirror has, the far registry may lack
	if name.Tag != "" {
		_, err := repo.HeadManifest(ctx, name.Tag)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return repo, name.Tag, err
		}
	}
	last := ""
	for tag, err := range repo.TagNames(ctx) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, "", err
		case transfer.CosignSubject(tag) == "" && !image.IsReferrersTag(tag):
			last = tag
		}
	}
	if last == "" {
		return nil, "", &baselessError{"there is no image in " + target.FamiliarName()}
	}
	return repo, last, nil
}

// repositories implements deltaBase.
func (*registryBase) repositories(_ blob.Digest, name reference.Reference) []string {
	return []string{name.Name()}
}
