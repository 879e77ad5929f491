package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution"
)

// TagList is what a selection finds in one repository.
type TagList struct {
	Selection          // of that repository alone
	Selected  []string // the tags to take, by version
	Matching  []string // all that match, also beyond Latest
	Err       error    // the repository could not be listed
	// Elsewhere reports that another worker takes the repository: it is not listed. Only a selection with
	// Others has such lists.
	Elsewhere bool
}

const (
	// MaxTags limits how many tags of a line are read: an answer may be endless.
	MaxTags = 1_000_000
	// maxRepositories limits how many repositories a pattern may match.
	maxRepositories = 100_000
	// parallelTagLists is how many repositories of a pattern are listed at a time.
	parallelTagLists = 8
)

// TagLists lists the tags that the selection means, by repository, a few repositories ahead of its caller.
// For a pattern of repositories the registry's catalog is read first; a repository without a tag that
// matches is left out there. One that cannot be listed has an Err. It ends with an error if no tag is
// selected, and has no other element if fewer than Minimum match. Of several repositories a shard may have
// none.
func (s Selection) TagLists(ctx context.Context, remote *run.Remote) iter.Seq2[TagList, error] {
	return func(yield func(TagList, error) bool) {
		remote := remote.ForHost(s.Ref.Host()) // its caller uses remote meanwhile
		repositories, err := []string{s.Ref.Path}, error(nil)
		if s.Repositories != "" {
			repositories, err = s.catalog(ctx, remote)
		}
		if err != nil {
			yield(TagList{}, err)
			return
		}
		var count tagCount
		lists := s.counted(s.listAhead(ctx, remote, repositories), &count)
		if s.Repositories == "" || s.Minimum > 0 { // the number of tags has to be known first
			lists = slices.Values(slices.Collect(lists))
			if err := s.checkCount(count); err != nil {
				yield(TagList{}, err)
				return
			}
		}
		for l := range lists {
			if !yield(l, nil) {
				return
			}
		}
		if err := s.checkCount(count); err != nil {
			yield(TagList{}, err)
		}
	}
}

// listAhead lists repositories, parallelTagLists at a time, in their order. It begins one of them when its
// caller takes another, so that no more lists are in memory.
func (s Selection) listAhead(ctx context.Context, remote *run.Remote, repositories []string) iter.Seq[TagList] {
	return func(yield func(TagList) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var found atomic.Int32
		ahead := make(chan chan TagList, parallelTagLists-1)
		go func() {
			defer close(ahead)
			for _, name := range repositories {
				list := make(chan TagList, 1)
				select {
				case ahead <- list:
					go func() { list <- s.in(name).tagList(ctx, remote, &found) }()
				case <-ctx.Done():
					return
				}
			}
		}()
		for list := range ahead {
			if !yield(<-list) {
				return
			}
		}
	}
}

// in returns the selection for one repository of the registry.
func (s Selection) in(repository string) Selection {
	s.Ref.Path, s.Repositories, s.Minimum = repository, "", 0
	return s
}

// catalog lists the repositories that match the selection's pattern, sorted, without those of other workers
// unless it has Others. A catalog that changes while its pages are read may have one twice.
func (s Selection) catalog(ctx context.Context, remote *run.Remote) ([]string, error) {
	client, err := remote.Client(ctx, s.Ref)
	if err != nil {
		return nil, err
	}
	hint := fmt.Sprintf("%s; sync and save take a list with %s/REPOSITORY on each line by -f",
		NoCatalogHint(s.Ref.Domain, string(s.Repositories)), s.Ref.Domain)
	var out []string
	matching := 0
	for name, err := range client.Catalog(ctx, distribution.Page{}) {
		if err != nil {
			err = CatalogError(err, s.Ref.Domain, hint)
			if run.ExitCode(err) == cli.ExitAuth {
				err = cli.WithHint(err, hint)
			}
			return nil, err
		}
		if !s.Repositories.match(name) {
			continue
		}
		if matching++; matching > maxRepositories {
			return nil, cli.WithHint(fmt.Errorf("%s matches more than %d repositories", s.repository(), maxRepositories),
				"give a narrower pattern, in several lines")
		}
		if s.Others || !s.in(name).OtherShard() {
			out = append(out, name)
		}
	}
	if matching == 0 {
		return nil, cli.WithHint(cli.Reword(fs.ErrNotExist, "%s matches no repository", s.repository()),
			fmt.Sprintf("transship repos %s lists all that this account may see", s.Ref.Domain))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// tagList lists the tags of one repository. found counts those of all repositories.
func (s Selection) tagList(ctx context.Context, remote *run.Remote, found *atomic.Int32) TagList {
	l := TagList{Selection: s, Elsewhere: s.OtherShard()}
	if !l.Elsewhere {
		l.Matching, l.Err = l.matching(ctx, remote, found)
		l.Selected = tagselect.Latest(l.Matching, l.Latest)
	}
	return l
}

// matching returns the tags that match.
func (s Selection) matching(ctx context.Context, remote *run.Remote, found *atomic.Int32) (out []string, err error) {
	repo, err := remote.ForHost(s.Ref.Host()).Repository(ctx, s.Ref, auth.Pull)
	if err != nil {
		return nil, err
	}
	for tag, err := range repo.TagNames(ctx) {
		if err != nil {
			return nil, err
		}
		if !s.Tags.Match(tag) {
			continue
		}
		if found.Add(1) > MaxTags {
			return nil, cli.WithHint(fmt.Errorf("%s lists more than %d tags", repo, MaxTags), "give narrower patterns")
		}
		out = append(out, tag)
	}
	return out, nil
}

// tagCount is how many tags the lists of a selection have.
type tagCount struct{ selected, matching, failed int }

// counted counts the tags of the lists, and drops repositories without any. One that a catalog names may be
// empty: its tags are not found.
func (s Selection) counted(lists iter.Seq[TagList], n *tagCount) iter.Seq[TagList] {
	return func(yield func(TagList) bool) {
		for l := range lists {
			if s.Repositories != "" && errors.Is(l.Err, fs.ErrNotExist) {
				continue
			}
			n.selected, n.matching = n.selected+len(l.Selected), n.matching+len(l.Matching)
			if l.Err != nil {
				n.failed++
			}
			if (len(l.Matching) > 0 || l.Err != nil || l.Elsewhere) && !yield(l) {
				return
			}
		}
	}
}

// checkCount checks how many tags were found.
func (s Selection) checkCount(n tagCount) error {
	switch {
	case n.failed > 0:
		return nil
	case n.matching < s.Minimum:
		return &tooFewError{s, n.matching}
	case n.selected == 0 && (s.Shard.Count == 0 || s.Repositories == ""):
		return s.noTags()
	}
	return nil
}

// noTags returns the error of a selection without tags.
func (s Selection) noTags() error {
	switch {
	case s.Latest > 0:
		return cli.Reword(fs.ErrNotExist, "%s has no tag that is a version", s)
	case s.Tags.MatchAll():
		return cli.Reword(fs.ErrNotExist, "%s has no tags", s)
	}
	return cli.Reword(fs.ErrNotExist, "%s matches no tag", s)
}

// tooFewError reports that a selection has fewer tags than its minimum.
type tooFewError struct {
	selection Selection
	found     int
}

// Error names the selection and both numbers.
func (e *tooFewError) Error() string {
	return fmt.Sprintf("%s matches %d tag%s, and its minimum is %d", e.selection, e.found, cli.Plural(e.found),
		e.selection.Minimum)
}

// ExitCode is that of what is not found.
func (*tooFewError) ExitCode() int { return cli.ExitNotFound }
