package store

import (
	"context"

	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// Origins opens the images of the store that the arguments name, as docker save reads them: a
// repository means all its tags, and the image of an id has no name. What is open keeps the store
// from being pruned until all of it is closed.
func Origins(ctx context.Context, env func(string) string, args []string) ([]image.Origin, error) {
	dir, err := readStore(env)
	if err != nil {
		return nil, err
	}
	if dir == nil {
		return nil, &noImageError{args[0]}
	}
	var out []image.Origin
	for _, arg := range args {
		found, err := origins(ctx, dir, arg)
		if err != nil {
			return out, err
		}
		for _, o := range found {
			out = append(out, o.ClosedBy(dir.HoldForReading()))
		}
	}
	return out, nil
}

func origins(ctx context.Context, dir *layout.Dir, arg string) ([]image.Origin, error) {
	if repo, err := reference.ParseRepository(arg); err == nil {
		refs, err := storedTags(dir, repo)
		var out []image.Origin
		for _, ref := range refs {
			out = append(out, image.Origin{Source: dir.Repository(ref.Name()), Ref: ref.Tag, Name: ref})
		}
		if err == nil {
			return out, nil
		}
	}
	found, err := findImages(ctx, dir, arg)
	if err != nil {
		return nil, err
	}
	o := image.Origin{Source: dir.Repository(found[0].root.Repository), Ref: string(found[0].descriptor().Digest)}
	if o.Name, err = reference.Parse(arg); err != nil || imageID.MatchString(arg) {
		o.Name = reference.Reference{Digest: found[0].descriptor().Digest}
	}
	return []image.Origin{o}, nil
}
