package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/image"
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
	p := &pruneList{syncRun: r, lines: lines, keep: r.wanted(lines), gone: map[string]bool{}}
	for _, line := range lines {
		if line.what.Pattern == "" {
			continue // it does not mean all tags
		}
		if err := p.line(ctx, line); err != nil {
			r.note(ctx, SyncResult{Line: line.number, Source: line.what.String()}, err)
		}
	}
	for _, gone := range p.removals {
		r.run.Note("to be removed: %s", gone.ref.Familiar())
	}
	var group errgroup.Group
	group.SetLimit(r.run.AtOnce(r.jobs))
	for _, gone := range p.removals {
		group.Go(func() error {
			r.remove(ctx, gone)
			return nil
		})
	}
	_ = group.Wait() // errors are results
}

// wanted is what must stay: what the run has put somewhere, and every tag that a source still has, be it among the latest
// or not.
func (r *syncRun) wanted(lines []*syncLine) map[string]bool {
	keep := map[string]bool{}
	for target := range r.owners {
		keep[target] = true
	}
	for _, line := range lines {
		repositories, err := line.repositories()
		if err != nil {
			continue // its images have failed
		}
		for _, ref := range repositories {
			for _, tag := range line.all {
				keep[targetKey(ref.WithTag(tag))] = true
			}
		}
	}
	return keep
}

// pruneList is what is to be removed.
type pruneList struct {
	*syncRun
	lines    []*syncLine
	keep     map[string]bool // what must stay
	gone     map[string]bool // what is to go
	removals []removal
}

// line looks through the targets of a line.
func (p *pruneList) line(ctx context.Context, line *syncLine) error {
	repositories, err := line.repositories()
	if err != nil {
		return err
	}
	for _, ref := range repositories {
		if i := slices.IndexFunc(p.lines, func(l *syncLine) bool { return l.unknown && l.mayFill(ref) }); i >= 0 {
			p.run.Note("%s is not pruned: it is not known what line %d has for it", ref.FamiliarName(), p.lines[i].number)
			continue
		}
		if err := p.repository(ctx, line, ref); err != nil {
			return err
		}
	}
	return nil
}

// repository lists the tags of a target that match and that no source has.
func (p *pruneList) repository(ctx context.Context, line *syncLine, ref reference.Reference) error {
	repo, err := p.dst.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull, auth.Push, auth.Delete)
	if err != nil {
		return err
	}
	var stale []removal
	for tag, err := range repo.TagNames(ctx) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing has come there yet
		}
		if err != nil {
			return err
		}
		gone := ref.WithTag(tag)
		key := targetKey(gone)
		if line.what.Selects(tag) && !image.IsReferrersTag(tag) && !p.keep[key] && !p.gone[key] {
			p.gone[key] = true
			stale = append(stale, removal{line, repo, gone})
		}
	}
	slices.SortFunc(stale, func(a, b removal) int { return image.CompareVersions(a.ref.Tag, b.ref.Tag) })
	p.removals = append(p.removals, stale...)
	return nil
}

// remove removes a tag. The manifest stays, for it may have other tags.
func (r *syncRun) remove(ctx context.Context, gone removal) {
	err := gone.repo.Untag(ctx, gone.ref.Tag)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if keepsTags(err) {
		err = fmt.Errorf("the registry removes no tag by its name, as docker's does not before 3.0 or without delete enabled: %w", err)
	}
	r.note(ctx, SyncResult{Line: gone.line.number, Target: gone.ref.Familiar(), Status: SyncRemoved}, err)
}

// keepsTags tells whether a registry has refused to remove a tag because it never does (distribution-spec, "Deleting
// tags": 400 or 405).
func keepsTags(err error) bool {
	var answer *distribution.Error
	return errors.As(err, &answer) && (answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusMethodNotAllowed)
}
