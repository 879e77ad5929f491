package store

import (
	"cmp"
	"context"
	"io/fs"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
)

// registryTags returns an image for each tag that a registry lists of a repository, in the order of
// versions. The lists of referrers that have a tag are no images.
func registryTags(ctx context.Context, remote *run.Remote, repo reference.Reference) ([]reference.Reference, error) {
	all := image.Selection{
		Location: image.Location{Transport: image.TransportDocker, Ref: repo}, Tags: &tagselect.Selector{},
	}
	var tags []string
	for list, err := range all.TagLists(ctx, remote) {
		if err = cmp.Or(err, list.Err); err != nil {
			return nil, err
		}
		tags = slices.DeleteFunc(list.Selected, image.IsReferrersTag)
	}
	if len(tags) == 0 {
		return nil, cli.Reword(fs.ErrNotExist, "%s has no tags", repo.FamiliarName())
	}
	return withTags(repo, tags), nil
}

// storedTags returns an image for each tag that the store has of a repository, in the order of
// versions.
func storedTags(dir *layout.Dir, repo reference.Reference) ([]reference.Reference, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, r := range roots {
		if r.Repository == repo.Name() && r.Tag != "" {
			tags = append(tags, r.Tag)
		}
	}
	if len(tags) == 0 {
		return nil, &noImageError{repo.FamiliarName()}
	}
	return withTags(repo, tagselect.Latest(tags, 0)), nil
}

func withTags(repo reference.Reference, tags []string) []reference.Reference {
	var out []reference.Reference
	for _, tag := range tags {
		out = append(out, repo.WithTag(tag))
	}
	return out
}
