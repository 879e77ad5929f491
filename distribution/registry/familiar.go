package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// Familiar returns a store for reading that shows an image layout as [OnArchive] shows a bundle. Its repository
// docker.io/hczjl/halo is called hczjl/halo too, and in the list of repositories only so, unless the layout has
// repositories of that path from several registries. A tag that names different images of theirs is found under the
// long names alone, and what is in a repository called just hczjl/halo goes before theirs.
func Familiar(dir *layout.Dir) Store { return familiar{dir} }

type familiar struct{ dir *layout.Dir }

// Repositories implements Store.
func (f familiar) Repositories(ctx context.Context) ([]string, error) {
	names, err := f.dir.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		short, err := f.short(name)
		if err != nil {
			return nil, err
		}
		out = append(out, short...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// short returns under which names a repository is listed.
func (f familiar) short(name string) ([]string, error) {
	ref, err := reference.ParseRepository(name)
	if err != nil || ref.Name() != name {
		return []string{name}, nil
	}
	named, err := f.dir.Named(ref.Path)
	switch {
	case err != nil:
		return nil, err
	case len(named) == 0: // it has no entry in index.json
		return []string{name}, nil
	case len(named) == 1:
		return []string{ref.Path}, nil
	}
	return []string{name, ref.Path}, nil
}

// Repository implements Store.
func (f familiar) Repository(name string) Repository {
	r := &unionRepository{name: name, all: []Repository{onDisk{f.dir}.Repository(name)}}
	named, _ := f.dir.Named(name) // an error comes again when something is asked for
	if len(named) == 0 {
		return r
	}
	others := &unionRepository{name: name}
	for _, long := range named {
		others.all = append(others.all, onDisk{f.dir}.Repository(long))
	}
	r.all = append(r.all, agreed{others})
	return r
}

// agreed are repositories of one path from several registries. A tag of which they disagree is not there.
type agreed struct{ *unionRepository }

// HeadManifest implements Repository.
func (r agreed) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	found, err := r.unionRepository.HeadManifest(ctx, ref)
	if err != nil || !reference.ValidTag(ref) {
		return found, err
	}
	for _, one := range r.all {
		d, err := one.HeadManifest(ctx, ref)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return d, err
		case d.Digest != found.Digest:
			return manifest.Descriptor{}, fmt.Errorf("tag %s in repository %s is of different images: %w", ref, r.name, fs.ErrNotExist)
		}
	}
	return found, nil
}

// Manifest implements Repository.
func (r agreed) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	d, err := r.HeadManifest(ctx, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return r.unionRepository.Manifest(ctx, string(d.Digest))
}

// Tags implements Repository.
func (r agreed) Tags(ctx context.Context) ([]string, error) {
	all, err := r.unionRepository.Tags(ctx)
	return slices.DeleteFunc(all, func(tag string) bool {
		_, err := r.HeadManifest(ctx, tag)
		return errors.Is(err, fs.ErrNotExist)
	}), err
}
