package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

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
	// Elsewhere reports that another worker takes the repository: it is not listed.
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

// TagLists lists the tags that the selection means, by repository. For a pattern of
// repositories the registry's catalog is read first; a repository without a tag that matches is left
// out there, and one that cannot be listed has an Err. It is an error if no tag is selected, or fewer
// than Minimum match. Of several repositories a shard may have none, and lists those of others as
// Elsewhere.
func (s Selection) TagLists(ctx context.Context, remote *run.Remote) ([]TagList, error) {
	lists := []TagList{{Selection: s}}
	if s.Repositories != "" {
		repositories, err := s.catalog(ctx, remote)
		if err != nil {
			return nil, err
		}
		lists = make([]TagList, len(repositories))
		for i, name := range repositories {
			lists[i].Selection = s.in(name)
			lists[i].Elsewhere = lists[i].OtherShard()
		}
	}
	var group errgroup.Group
	var found atomic.Int32
	group.SetLimit(parallelTagLists)
	for i := range lists {
		if lists[i].Elsewhere {
			continue
		}
		group.Go(func() error {
			lists[i].Selected, lists[i].Matching, lists[i].Err = lists[i].list(ctx, remote, &found)
			return nil
		})
	}
	_ = group.Wait() // the lists have the errors
	if s.Repositories == "" && lists[0].Err != nil {
		return nil, lists[0].Err
	}
	return s.checkCount(lists)
}

// in returns the selection for one repository of the registry.
func (s Selection) in(repository string) Selection {
	s.Ref.Path, s.Repositories, s.Minimum = repository, "", 0
	return s
}

// catalog lists the repositories that match the selection's pattern, sorted. It keeps no others. A catalog
// that changes while its pages are read may have one twice.
func (s Selection) catalog(ctx context.Context, remote *run.Remote) ([]string, error) {
	client, err := remote.Client(ctx, s.Ref)
	if err != nil {
		return nil, err
	}
	hint := fmt.Sprintf("%s; sync and save take a list with %s/REPOSITORY on each line by -f",
		NoCatalogHint(s.Ref.Domain, string(s.Repositories)), s.Ref.Domain)
	var out []string
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
		if len(out) == maxRepositories {
			return nil, cli.WithHint(fmt.Errorf("%s matches more than %d repositories", s.repository(), maxRepositories),
				"give a narrower pattern, in several lines")
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return nil, cli.WithHint(cli.Reword(fs.ErrNotExist, "%s matches no repository", s.repository()),
			fmt.Sprintf("transship repos %s lists all that this account may see", s.Ref.Domain))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// list lists the tags of one repository. found counts those of all repositories.
func (l *TagList) list(
	ctx context.Context, remote *run.Remote, found *atomic.Int32,
) (selected, matching []string, err error) {
	repo, err := remote.ForHost(l.Ref.Host()).Repository(ctx, l.Ref, auth.Pull)
	if err != nil {
		return nil, nil, err
	}
	for tag, err := range repo.TagNames(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if !l.Tags.Match(tag) {
			continue
		}
		if found.Add(1) > MaxTags {
			return nil, nil, cli.WithHint(fmt.Errorf("%s lists more than %d tags", repo, MaxTags), "give narrower patterns")
		}
		matching = append(matching, tag)
	}
	return tagselect.Latest(matching, l.Latest), matching, nil
}

// checkCount checks how many tags were found, and drops repositories without any. One that a catalog names
// may be empty: its tags are not found.
func (s Selection) checkCount(lists []TagList) ([]TagList, error) {
	var out []TagList
	selected, matching, failed := 0, 0, 0
	for _, l := range lists {
		if s.Repositories != "" && errors.Is(l.Err, fs.ErrNotExist) {
			continue
		}
		selected, matching = selected+len(l.Selected), matching+len(l.Matching)
		if l.Err != nil {
			failed++
		}
		if len(l.Matching) > 0 || l.Err != nil || l.Elsewhere {
			out = append(out, l)
		}
	}
	switch {
	case failed > 0:
		return out, nil
	case matching < s.Minimum:
		return nil, &tooFewError{s, matching}
	case selected == 0 && (s.Shard.Count == 0 || s.Repositories == ""):
		return nil, s.noTags()
	}
	return out, nil
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
