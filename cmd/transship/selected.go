package main

import (
	"context"
	"io/fs"
)

// selected opens the images that a selection means. Images of one tar or layout share what has to be closed.
func (p *places) selected(ctx context.Context, s *remote, what selection) ([]origin, error) {
	switch {
	case what.whole():
		return p.all(what)
	case what.pattern == "":
		o, err := p.origin(ctx, s.bindHost(what.ref.Host()), what.location)
		if err != nil {
			return nil, err
		}
		return []origin{o}, nil
	}
	on := s.bindHost(what.ref.Host())
	tags, _, err := what.tags(ctx, on)
	if err != nil {
		return nil, err
	}
	return p.tagged(ctx, on, what, tags)
}

// tagged opens the images with those tags. None is an error.
func (p *places) tagged(ctx context.Context, on *remote, what selection, tags []string) ([]origin, error) {
	if len(tags) == 0 {
		return nil, what.noTags()
	}
	var out []origin
	for _, tag := range tags {
		o, err := p.origin(ctx, on, location{transport: onRegistry, ref: what.ref.WithTag(tag)})
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// all opens every image of a layout or tar.
func (p *places) all(s selection) ([]origin, error) {
	images, err := p.local.open(s.location)
	if err != nil {
		return nil, err
	}
	var out []origin
	for _, im := range images.images {
		out = append(out, im.origin())
	}
	if len(out) == 0 {
		images.close()
		return nil, reword(fs.ErrNotExist, "%s: there is no image in it", s.location)
	}
	out[0].close = images.close
	return out, nil
}
