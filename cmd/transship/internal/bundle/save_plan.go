package bundle

import (
	"context"

	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// plan finds out what the folder or the tar would get, and how large the tar would be.
func (c *saveCommand) plan(ctx context.Context, r *run.Run, engine *transfer.Engine, images []savedImage) error {
	if c.toFolder() {
		return c.planFolder(ctx, r, engine, images)
	}
	local, err := r.Plan.Local(image.Location{Transport: image.InArchive, Path: c.out}.File())
	if err != nil {
		return err
	}
	b, err := c.collect(ctx, r, engine, images)
	if err != nil {
		return err
	}
	local.Base = b.Base
	file := c.out
	if file == "-" {
		file = ""
	}
	if local.Size, err = layout.Size(file, b.Contents, layout.Files{VolumeSize: int64(c.split)}); err != nil {
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
		if _, err := all.Copy(ctx, b, string(im.Digest), local.Repository(image.RepositoryName(name)), name.Identifier()); err != nil {
			return err
		}
	}
	return nil
}

func (c *saveCommand) planFolder(ctx context.Context, r *run.Run, engine *transfer.Engine, images []savedImage) error {
	local, err := r.Plan.Local(image.Location{Transport: image.InLayout, Path: c.out}.File())
	if err != nil {
		return err
	}
	for _, im := range images {
		for _, name := range im.names {
			if _, err := image.StoreAs(ctx, engine, im.Source, im.Ref, local.Repository(image.RepositoryName(name)), name); err != nil {
				return err
			}
		}
	}
	return nil
}
