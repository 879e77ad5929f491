package bundle

import (
	"context"
	"errors"
	"io/fs"

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
	// find returns an image of the repository of a name: that with its tag if there is one. It is
	// fs.ErrNotExist if there is none.
	find(ctx context.Context, name reference.Reference) (src transfer.Source, ref string, err error)
	// repositories returns the repositories in which load looks for a blob, as the bundle names them.
	repositories(d blob.Digest, name reference.Reference) []string
	close()
}

// fileBase is a bundle or a folder.
type fileBase struct {
	images    *image.LocalImages
	inventory layout.Inventory
}

func (b *fileBase) close() { b.images.Close() }

// find implements deltaBase. Without the tag it is the last image of the repository.
func (b *fileBase) find(_ context.Context, name reference.Reference) (transfer.Source, string, error) {
	var found image.LocalImage
	for _, im := range b.images.Images {
		ref, err := reference.Parse(im.Name)
		if err != nil || ref.Name() != name.Name() {
			continue
		}
		found = im
		if ref.Tag == name.Tag {
			break
		}
	}
	if found.Source == nil {
		return nil, "", fs.ErrNotExist
	}
	return found.Source, string(found.Digest), nil
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
		if err != nil {
			return nil, "", err
		}
		last = tag
	}
	if last == "" {
		return nil, "", fs.ErrNotExist
	}
	return repo, last, nil
}

// repositories implements deltaBase.
func (*registryBase) repositories(_ blob.Digest, name reference.Reference) []string {
	return []string{name.Name()}
}
