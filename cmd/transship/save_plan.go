package main

import (
	"context"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// plan finds out what the folder or the tar would get, and how large the tar would be.
func (s *saving) plan(ctx context.Context, a *app, engine *transfer.Engine, images []savedImage) error {
	if s.toFolder() {
		return s.planFolder(ctx, a, engine, images)
	}
	place, err := a.plan.place(location{transport: inArchive, path: s.out}.file())
	if err != nil {
		return err
	}
	b, err := s.collect(ctx, a, engine, images)
	if err != nil {
		return err
	}
	place.base = b.Base
	file := s.out
	if file == "-" {
		file = ""
	}
	if place.size, err = layout.Size(file, b.Contents, layout.Files{VolumeSize: int64(s.split)}); err != nil {
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
		if _, err := all.Copy(ctx, b, string(im.Digest), place.store(name), name.Identifier()); err != nil {
			return err
		}
	}
	return nil
}

func (s *saving) planFolder(ctx context.Context, a *app, engine *transfer.Engine, images []savedImage) error {
	place, err := a.plan.place(location{transport: inLayout, path: s.out}.file())
	if err != nil {
		return err
	}
	for _, im := range images {
		for _, name := range im.names {
			if _, err := storeAs(ctx, engine, im.Source, im.ref, place.store(name), name); err != nil {
				return err
			}
		}
	}
	return nil
}
