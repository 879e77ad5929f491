package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// removal is a tag to remove.
type removal struct {
	line *syncLine
	repo *distribution.Repository
	ref  reference.Reference
}

// pruneAll removes the tags that the sources no longer have. It finds and prints all of them before
// it removes the first.
func (s *syncRun) pruneAll(ctx context.Context, lines []*syncLine) {
	lines = withParts(lines)
	p := &pruneList{syncRun: s, lines: lines, listed: map[targetKey]bool{}}
	for _, line := range lines {
		if line.source.Tags == nil || line.source.Repositories != "" || line.elsewhere {
			continue // a line for one image does not own the target's other tags
		}
		if err := p.addLine(ctx, line); err != nil {
			s.finish(ctx, SyncResult{Line: line.number, Source: line.source.String()}, err)
		}
	}
	for _, stale := range p.removals {
		s.run.Note("to be removed: %s", stale.ref.Familiar())
	}
	var group errgroup.Group
	group.SetLimit(s.run.ParallelImages(s.jobs))
	for _, stale := range p.removals {
		group.Go(func() error {
			s.remove(ctx, stale)
			return nil
		})
	}
	_ = group.Wait() // errors are results
}

// withParts returns the lines with those for single repositories in place of a pattern of them. A
// pattern whose repositories are unknown stays.
func withParts(lines []*syncLine) []*syncLine {
	var out []*syncLine
	for _, line := range lines {
		if line.source.Repositories == "" || line.unlisted {
			out = append(out, line)
		}
		out = append(out, line.parts...)
	}
	return out
}

// title names a line in messages.
func (l *syncLine) title() string {
	if l.number == 0 {
		return l.source.String()
	}
	return fmt.Sprintf("line %d", l.number)
}

// keepTags keeps, for --prune, the tags that the source of a line has, also beyond --latest.
func (s *syncRun) keepTags(line *syncLine, tags []string) {
	repositories, err := line.repositories()
	if err != nil {
		return // copying its images fails for the same reason
	}
	for _, ref := range repositories {
		for _, tag := range tags {
			s.keep(keyOf(ref.WithTag(tag)))
		}
	}
}

// keep keeps a target, for --prune: that of an image of this run, or a tag that a source has.
func (s *syncRun) keep(key targetKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stays[key] = true
}

// pruneList collects the tags to remove.
type pruneList struct {
	*syncRun
	lines    []*syncLine
	listed   map[targetKey]bool // removals
	removals []removal
}

// addLine adds the stale tags of a line's target repositories. It skips a repository that a line
// with unknown images may copy to.
func (p *pruneList) addLine(ctx context.Context, line *syncLine) error {
	repositories, err := line.repositories()
	if err != nil {
		return err
	}
	for _, ref := range repositories {
		unknown := func(l *syncLine) bool { return (l.unlisted || l.elsewhere) && l.mayTarget(ref) }
		if i := slices.IndexFunc(p.lines, unknown); i >= 0 {
			p.run.Note("%s is not pruned: the images of %s, which may be copied there, are unknown",
				ref.FamiliarName(), p.lines[i].title())
			continue
		}
		if err := p.addRepository(ctx, line, ref); err != nil {
			return err
		}
	}
	return nil
}

// addRepository adds the tags of a target repository that match the line and that no source has.
func (p *pruneList) addRepository(ctx context.Context, line *syncLine, ref reference.Reference) error {
	repo, err := p.dst.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull, auth.Push, auth.Delete)
	if err != nil {
		return err
	}
	var stale []removal
	for tag, err := range repo.TagNames(ctx) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the repository does not exist yet
		}
		if err != nil {
			return err
		}
		tagged := ref.WithTag(tag)
		key := keyOf(tagged)
		if line.source.Tags.Match(tag) && !image.IsReferrersTag(tag) && !p.stays[key] && !p.listed[key] {
			p.listed[key] = true
			stale = append(stale, removal{line, repo, tagged})
		}
	}
	slices.SortFunc(stale, func(a, b removal) int { return tagselect.CompareVersions(a.ref.Tag, b.ref.Tag) })
	p.removals = append(p.removals, stale...)
	return nil
}

// remove removes a tag. It leaves the manifest, which may have other tags.
func (s *syncRun) remove(ctx context.Context, stale removal) {
	s.state.forget(stale.ref.Familiar())
	err := stale.repo.DeleteTag(ctx, stale.ref.Tag)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	s.finish(ctx, SyncResult{Line: stale.line.number, Target: stale.ref.Familiar(), Status: SyncRemoved}, err)
}
