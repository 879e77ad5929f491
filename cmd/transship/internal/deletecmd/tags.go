package deletecmd

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// tagsOf returns the tags of a repository that point to a digest, in the order of versions. It asks
// for each tag, as many at once as parallel says: the protocol has no call for that.
func tagsOf(ctx context.Context, repo *distribution.Repository, d blob.Digest, parallel int) ([]string, error) {
	tags, err := tagNames(ctx, repo)
	if err != nil {
		return nil, err
	}
	points := make([]bool, len(tags))
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, tag := range tags {
		group.Go(func() (err error) {
			points[i], err = pointsTo(inGroup, repo, tag, d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := []string{}
	for i, tag := range tags {
		if points[i] {
			found = append(found, tag)
		}
	}
	slices.SortFunc(found, tagselect.CompareVersions)
	return found, nil
}

// tagNames returns the tags of a repository without what is no tag. CNCF distribution answers 404
// NAME_UNKNOWN for a repository whose images have none; another 404 may be of a registry that lists
// no tags.
func tagNames(ctx context.Context, repo *distribution.Repository) ([]string, error) {
	var tags []string
	for tag, err := range repo.TagNames(ctx) {
		switch {
		case errors.Is(err, distribution.NameUnknown):
			return tags, nil
		case err != nil:
			return nil, err
		case reference.ValidTag(tag):
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

// pointsTo reports whether a tag points to a digest. One that was deleted meanwhile points to none.
func pointsTo(ctx context.Context, repo *distribution.Repository, tag string, d blob.Digest) (bool, error) {
	found, err := repo.HeadManifest(ctx, tag)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && found.Digest == d, err
}
