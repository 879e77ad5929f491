package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Union is a store over several others. It shows what any of them has; where several have one thing, that of the first
// counts. The zero value is empty.
type Union struct {
	// Writable takes what is put, and goes before the others. Without one nothing can be changed: whoever tries gets
	// errors.ErrUnsupported.
	Writable Store
	// Stores are only read.
	Stores []Store
}

// Repositories implements Store.
func (u *Union) Repositories(ctx context.Context) ([]string, error) {
	var all []string
	for _, s := range u.stores() {
		names, err := s.Repositories(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Repository implements Store.
func (u *Union) Repository(name string) Repository {
	r := &unionRepository{union: u, name: name}
	if u.Writable != nil {
		r.writable = u.Writable.Repository(name)
	}
	for _, s := range u.stores() {
		r.all = append(r.all, s.Repository(name))
	}
	return r
}

func (u *Union) stores() []Store {
	if u.Writable == nil {
		return u.Stores
	}
	return append([]Store{u.Writable}, u.Stores...)
}

// unionRepository is what all stores have under one name.
type unionRepository struct {
	union    *Union
	name     string
	writable Repository // nil where nothing can be changed
	all      []Repository
}

// first returns what the first repository gives that does not say that it is not there.
func first[T any](all []Repository, what, name string, get func(Repository) (T, error)) (out T, err error) {
	for _, r := range all {
		out, err = get(r)
		if !errors.Is(err, fs.ErrNotExist) {
			return out, err
		}
	}
	return out, fmt.Errorf("%s in repository %s: %w", what, name, fs.ErrNotExist)
}

// each collects what the repositories give, but for those that have nothing; one of them must have something.
func each[T any](all []Repository, name string, get func(Repository) ([]T, error)) ([]T, error) {
	var out []T
	found := false
	for _, r := range all {
		some, err := get(r)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		out = append(out, some...)
	}
	if !found {
		return nil, fmt.Errorf("repository %s: %w", name, fs.ErrNotExist)
	}
	return out, nil
}

// Tags implements Repository.
func (r *unionRepository) Tags(ctx context.Context) ([]string, error) {
	tags, err := each(r.all, r.name, func(r Repository) ([]string, error) { return r.Tags(ctx) })
	slices.Sort(tags)
	return slices.Compact(tags), err
}

// HeadManifest implements Repository.
func (r *unionRepository) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	return first(r.all, ref, r.name, func(r Repository) (manifest.Descriptor, error) { return r.HeadManifest(ctx, ref) })
}

// Manifest implements Repository.
func (r *unionRepository) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	return first(r.all, ref, r.name, func(r Repository) (manifest.Manifest, error) { return r.Manifest(ctx, ref) })
}

// Referrers implements Repository.
func (r *unionRepository) Referrers(ctx context.Context, subject blob.Digest, artifactType string) ([]manifest.Descriptor, error) {
	all, err := each(r.all, r.name, func(r Repository) ([]manifest.Descriptor, error) {
		return r.Referrers(ctx, subject, artifactType)
	})
	slices.SortStableFunc(all, func(a, b manifest.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	return slices.CompactFunc(all, func(a, b manifest.Descriptor) bool { return a.Digest == b.Digest }), err
}

// HeadBlob implements Repository.
func (r *unionRepository) HeadBlob(ctx context.Context, d blob.Digest) (int64, error) {
	return first(r.all, string(d), r.name, func(r Repository) (int64, error) { return r.HeadBlob(ctx, d) })
}

// Blob implements Repository.
func (r *unionRepository) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	return first(r.all, string(d.Digest), r.name, func(r Repository) (io.ReadCloser, error) { return r.Blob(ctx, d, offset) })
}
