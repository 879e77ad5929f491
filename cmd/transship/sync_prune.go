package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// removal is a tag that is to go.
type removal struct {
	line *syncLine
	repo *distribution.Repository
	ref  reference.Reference
}

// pruneAll removes the tags that the sources no longer have. All of them are found, and printed, before one goes.
func (r *syncRun) pruneAll(ctx context.Context, lines []*syncLine) {
	var plan []removal
	for _, line := range lines {
		if line.what.pattern == "" || len(line.all) == 0 {
			continue // it means no tags, or they could not be listed
		}
		more, err := r.stale(ctx, line)
		if err != nil {
			r.note(ctx, syncResult{Line: line.number, Source: line.what.ref.FamiliarName()}, err)
		}
		plan = append(plan, more...)
	}
	for _, gone := range plan {
		r.app.note("to be removed: %s", gone.ref.Familiar())
	}
	var group errgroup.Group
	group.SetLimit(r.app.atOnce(r.jobs))
	for _, gone := range plan {
		group.Go(func() error {
			r.remove(ctx, gone)
			return nil
		})
	}
	_ = group.Wait() // errors are results
}

// stale lists the tags of a line's targets that its source does not have, and that no other line puts there.
func (r *syncRun) stale(ctx context.Context, line *syncLine) ([]removal, error) {
	repositories, err := line.repositories()
	if err != nil {
		return nil, err
	}
	var out []removal
	for _, ref := range repositories {
		repo, err := r.app.repository(ctx, r.dst.on(ref.Host()), ref, auth.Pull, auth.Push, auth.Delete)
		if err != nil {
			return out, err
		}
		for tag, err := range repo.TagNames(ctx) {
			if err != nil {
				return out, err
			}
			gone := ref.WithTag(tag)
			if line.what.selects(tag) && !slices.Contains(line.all, tag) && r.taken[gone.Familiar()] == "" {
				out = append(out, removal{line, repo, gone})
			}
		}
	}
	slices.SortFunc(out, func(a, b removal) int { return strings.Compare(a.ref.String(), b.ref.String()) })
	return out, nil
}

// remove removes a tag. The manifest stays, for it may have other tags.
func (r *syncRun) remove(ctx context.Context, gone removal) {
	err := gone.repo.Untag(ctx, gone.ref.Tag)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	r.note(ctx, syncResult{Line: gone.line.number, Target: gone.ref.Familiar(), Status: syncRemoved}, err)
}
