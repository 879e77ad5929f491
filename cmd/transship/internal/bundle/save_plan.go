package bundle

import (
	"context"

	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// plan is run under --plan: it notes what would be written to the folder or the tar, and the tar's
// size.
func (c *saveCommand) plan(ctx context.Context, r *run.Run, engine *transfer.Engine, images []savedImage) error {
	if c.toFolder() {
		return c.planFolder(ctx, r, engine, images)
	}
	local, err := r.Plan.LocalTarget(image.Location{Transport: image.TransportOCIArchive, Path: c.out}.File())
	if err != nil {
		return err
	}
	b, err := c.contents(ctx, r, engine, images)
	if err != nil {
		return err
	}
	local.Base, local.Deltas = b.Base, b.Deltas
	file := c.out
	if file == "-" {
		file = ""
	}
	if local.TarSize, err = layout.BundleSize(file, b.BundleContents, layout.BundleFiles{VolumeSize: int64(c.split)}); err != nil {
		return err
	}
	all := &transfer.Engine{Jobs: 1, OnEvent: engine.OnEvent}
	for _, im := range b.Images {
		name, err := reference.Parse(im.Name)
		if im.Name == "" {
			name, err = reference.Reference{Digest: im.Digest}, nil
		}
		if err != nil {
			return err
		}
		dst := local.Repository(image.RepositoryName(name))
		if _, err := all.Copy(ctx, b, string(im.Digest), dst, name.Identifier()); err != nil {
			return err
		}
	}
	return nil
}

// planFolder is plan for a folder.
func (c *saveCommand) planFolder(ctx context.Context, r *run.Run, engine *transfer.Engine, images []savedImage) error {
	local, err := r.Plan.LocalTarget(image.Location{Transport: image.TransportOCI, Path: c.out}.File())
	if err != nil {
		return err
	}
	for _, im := range images {
		for _, name := range im.names {
			dst := local.Repository(image.RepositoryName(name))
			if _, err := image.StoreAs(ctx, engine, im.Source, im.Ref, dst, name); err != nil {
				return err
			}
		}
	}
	return nil
}
