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

// ShortNames returns a read-only store over an image layout that also has the short names under
// which [OnArchive] serves a bundle: the layout's repository docker.io/hczjl/halo is also
// hczjl/halo.
//
// The list of repositories has only the short name, unless the layout has repositories with that
// path from several registries. A tag that they give to different images is found only under the
// long names. A repository that is called hczjl/halo in the layout takes precedence over all
// others.
func ShortNames(dir *layout.Dir) ShortNamed { return shortNames{dir} }

type shortNames struct{ dir *layout.Dir }

// Repositories implements Store.
func (s shortNames) Repositories(ctx context.Context) ([]string, error) {
	names, err := s.dir.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range names {
		listed, err := s.listedAs(name)
		if err != nil {
			return nil, err
		}
		all = append(all, listed...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// listedAs returns the names under which a repository of the layout is listed.
func (s shortNames) listedAs(name string) ([]string, error) {
	ref, err := reference.ParseRepository(name)
	if err != nil || ref.Name() != name {
		return []string{name}, nil
	}
	named, err := s.dir.RepositoriesWithPath(ref.Path)
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
func (s shortNames) Repository(name string) Repository {
	r := merged{name: name, all: []Repository{s.Exact(name)}, more: func() []Repository { return s.longNamed(name) }}
	return readOnlyUnion{r, readOnly{name}}
}

// longNamed returns what the repositories with that path and a domain have in common, or nothing if there
// are none.
func (s shortNames) longNamed(name string) []Repository {
	named, _ := s.dir.RepositoriesWithPath(name) // every later call on the layout returns the same error
	if len(named) == 0 {
		return nil
	}
	others := merged{name: name}
	for _, long := range named {
		others.all = append(others.all, s.Exact(long))
	}
	return []Repository{unambiguous{others, readOnly{name}}}
}

// Exact implements ShortNamed.
func (s shortNames) Exact(name string) Repository { return onDisk{s.dir}.Repository(name) }

// unambiguous merges repositories with one path from several registries. It has no tag that they
// give to different images.
type unambiguous struct {
	merged
	readOnly
}

// HeadManifest implements Repository.
func (r unambiguous) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	found, err := r.merged.HeadManifest(ctx, ref)
	if err != nil || !reference.ValidTag(ref) {
		return found, err
	}
	for _, repository := range r.all {
		d, err := repository.HeadManifest(ctx, ref)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return d, err
		case d.Digest != found.Digest:
			err := fmt.Errorf("tag %s in repository %s is ambiguous: %w", ref, r.merged.name, fs.ErrNotExist)
			return manifest.Descriptor{}, err
		}
	}
	return found, nil
}

// Manifest implements Repository.
func (r unambiguous) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	d, err := r.HeadManifest(ctx, ref)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return r.merged.Manifest(ctx, string(d.Digest))
}

// Tags implements Repository.
func (r unambiguous) Tags(ctx context.Context) ([]string, error) {
	all, err := r.merged.Tags(ctx)
	return slices.DeleteFunc(all, func(tag string) bool {
		_, err := r.HeadManifest(ctx, tag)
		return errors.Is(err, fs.ErrNotExist)
	}), err
}
