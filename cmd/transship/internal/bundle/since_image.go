package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// sinceImage returns the image on a registry that --since names, if it names one and not the registry or
// a prefix there.
func sinceImage(since string) (ref reference.Reference, isImage bool, err error) {
	name, onRegistry := strings.CutPrefix(since, image.TransportDocker)
	_, path, _ := strings.Cut(name, "/")
	if !onRegistry || !strings.ContainsAny(path, ":@") {
		return ref, false, nil
	}
	ref, err = cli.ParseReference(since)
	return ref, true, err
}

// imageBase is one image on a registry, which every image of the bundle is compared with.
type imageBase struct {
	*image.BundleSource
	name reference.Reference
}

// imageInventory lists what an image on a registry consists of, and keeps it as the base of deltas.
func (c *saveCommand) imageInventory(ctx context.Context, ref reference.Reference, err error) (layout.Inventory, error) {
	if err != nil {
		return layout.Inventory{}, fmt.Errorf("--since: %w", err)
	}
	repo, err := c.from.BindHost(ref.Host()).Repository(ctx, ref, auth.Pull)
	if err != nil {
		return layout.Inventory{}, err
	}
	closure, err := new(transfer.Engine).Collect(ctx, repo, ref.Identifier())
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("--since: %w", err)
	}
	if err != nil {
		return layout.Inventory{}, err
	}
	c.sinceImage = &imageBase{image.NewBundleSource(), ref}
	c.sinceImage.Add(repo, ref, closure)
	has := presentBlobs{has: map[blob.Digest]*layout.Content{}}
	for _, d := range closure.Blobs {
		has.add(d, ref.Name())
	}
	return has.inventory(ref.Familiar()), nil
}

// find implements deltaBase.
func (b *imageBase) find(context.Context, reference.Reference) (transfer.Source, string, error) {
	return b, string(b.Images[0].Digest), nil
}

// repositories implements deltaBase.
func (b *imageBase) repositories(blob.Digest, reference.Reference) []string {
	return []string{b.name.Name()}
}

func (*imageBase) close() {}
