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

// merged has the methods of Repository that read. It reads from several repositories.
type merged struct {
	name string
	all  []Repository        // in order of precedence
	more func() []Repository // those after all, asked for only when they are needed; may be nil
}

// each yields the repositories in order of precedence.
func (r merged) each(yield func(Repository) bool) {
	for _, repository := range r.all {
		if !yield(repository) {
			return
		}
	}
	if r.more == nil {
		return
	}
	for _, repository := range r.more() {
		if !yield(repository) {
			return
		}
	}
}

// firstFound returns what the first repository returns whose error is not fs.ErrNotExist.
func firstFound[T any](r merged, what string, get func(Repository) (T, error)) (out T, err error) {
	for repository := range r.each {
		out, err = get(repository)
		if !errors.Is(err, fs.ErrNotExist) {
			return out, err
		}
	}
	return out, fmt.Errorf("%s in repository %s: %w", what, r.name, fs.ErrNotExist)
}

// collect joins what the repositories return. The error is fs.ErrNotExist if all return that.
func collect[T any](r merged, get func(Repository) ([]T, error)) ([]T, error) {
	var all []T
	found := false
	for repository := range r.each {
		items, err := get(repository)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		all = append(all, items...)
	}
	if !found {
		return nil, fmt.Errorf("repository %s: %w", r.name, fs.ErrNotExist)
	}
	return all, nil
}

// Tags implements Repository.
func (r merged) Tags(ctx context.Context) ([]string, error) {
	tags, err := collect(r, func(r Repository) ([]string, error) { return r.Tags(ctx) })
	slices.Sort(tags)
	return slices.Compact(tags), err
}

// HeadManifest implements Repository.
func (r merged) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	return firstFound(r, ref, func(r Repository) (manifest.Descriptor, error) { return r.HeadManifest(ctx, ref) })
}

// Manifest implements Repository.
func (r merged) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	return firstFound(r, ref, func(r Repository) (manifest.Manifest, error) { return r.Manifest(ctx, ref) })
}

// Referrers implements Repository.
func (r merged) Referrers(
	ctx context.Context, subject blob.Digest, artifactType string,
) ([]manifest.Descriptor, error) {
	all, err := collect(r, func(r Repository) ([]manifest.Descriptor, error) {
		return r.Referrers(ctx, subject, artifactType)
	})
	slices.SortStableFunc(all, compareDigests)
	return slices.CompactFunc(all, func(a, b manifest.Descriptor) bool { return a.Digest == b.Digest }), err
}

// compareDigests is the order of Repository.Referrers.
func compareDigests(a, b manifest.Descriptor) int {
	return strings.Compare(string(a.Digest), string(b.Digest))
}

// HeadBlob implements Repository.
func (r merged) HeadBlob(ctx context.Context, d blob.Digest) (int64, error) {
	return firstFound(r, string(d), func(r Repository) (int64, error) { return r.HeadBlob(ctx, d) })
}

// Blob implements Repository.
func (r merged) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	return firstFound(r, string(d.Digest), func(r Repository) (io.ReadCloser, error) { return r.Blob(ctx, d, offset) })
}

// readOnlyUnion is a repository of a Union without a writable store.
type readOnlyUnion struct {
	merged
	readOnly
}
