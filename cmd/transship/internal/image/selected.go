package image

import (
	"context"
	"io/fs"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// Select opens the images that a selection means. Images of one tar or layout share what has to be closed.
func (p *Opener) Select(ctx context.Context, s *run.Remote, what Selection) ([]Origin, error) {
	switch {
	case what.IsWhole():
		return p.all(what)
	case what.Pattern == "":
		o, err := p.Origin(ctx, s.BindHost(what.Ref.Host()), what.Location)
		if err != nil {
			return nil, err
		}
		return []Origin{o}, nil
	}
	on := s.BindHost(what.Ref.Host())
	tags, _, err := what.Tags(ctx, on)
	if err != nil {
		return nil, err
	}
	return p.SelectTags(ctx, on, what, tags)
}

// SelectTags opens the images with those tags. None is an error.
func (p *Opener) SelectTags(ctx context.Context, on *run.Remote, what Selection, tags []string) ([]Origin, error) {
	if len(tags) == 0 {
		return nil, what.noTags()
	}
	var out []Origin
	for _, tag := range tags {
		o, err := p.Origin(ctx, on, Location{Transport: TransportDocker, Ref: what.Ref.WithTag(tag)})
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// all opens every image of a layout or tar.
func (p *Opener) all(s Selection) ([]Origin, error) {
	images, err := p.local.open(s.Location)
	if err != nil {
		return nil, err
	}
	var out []Origin
	for _, im := range images.Images {
		out = append(out, im.origin())
	}
	if len(out) == 0 {
		images.Close()
		return nil, cli.Reword(fs.ErrNotExist, "%s: there is no image in it", s.Location)
	}
	out[0].Close = images.Close
	return out, nil
}
