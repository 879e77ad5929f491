package mirror

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/reference"
)

// withoutKept reports the targets that --keep-existing keeps, and returns the others. Where a line
// means several tags, one list of the target's tags tells, so that a tag that is kept costs no
// call; the engine asks for any other.
func (s *syncRun) withoutKept(
	ctx context.Context, line *syncLine, o image.Origin, targets []image.Location,
) (rest []image.Location) {
	for _, l := range targets {
		if line.source.Tags == nil || !l.IsRegistry() || !s.isKept(ctx, line, l.Ref) {
			rest = append(rest, l)
			continue
		}
		if first, err := s.firstFor(line, l, o); first || err != nil {
			s.finish(ctx, SyncResult{Line: line.number, Source: o.String(), Target: l.String(), Status: SyncKept}, err)
		}
	}
	return rest
}

// isKept reports whether --keep-existing applies to a tag, and the list of the target's tags has
// it. A list that fails says nothing.
func (s *syncRun) isKept(ctx context.Context, line *syncLine, ref reference.Reference) bool {
	if s.engine.Keep == nil || ref.Tag == "" || !s.engine.Keep(ref.Tag) {
		return false
	}
	tags, err := s.tagsOf(ctx, line.known, ref)
	return err == nil && tags[ref.Tag]
}

// tagsOf returns the tags of a target repository.
func (s *syncRun) tagsOf(ctx context.Context, known *targetSet, ref reference.Reference) (map[string]bool, error) {
	known.mu.Lock()
	list := known.lists[ref.Name()]
	if list == nil {
		list = sync.OnceValues(func() (map[string]bool, error) { return s.listTags(ctx, ref) })
		if known.lists == nil {
			known.lists = map[string]func() (map[string]bool, error){}
		}
		known.lists[ref.Name()] = list
	}
	known.mu.Unlock()
	return list()
}

func (s *syncRun) listTags(ctx context.Context, ref reference.Reference) (map[string]bool, error) {
	repo, err := s.dst.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull, auth.Push)
	if err != nil {
		return nil, err
	}
	tags := map[string]bool{}
	for tag, err := range repo.TagNames(ctx) {
		if errors.Is(err, fs.ErrNotExist) {
			return tags, nil // the repository does not exist yet
		}
		if err != nil || len(tags) > image.MaxTags {
			return tags, err
		}
		tags[tag] = true
	}
	return tags, nil
}
