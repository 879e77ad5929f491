package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

// Selection is what the source of a list's line selects: one image, all images of a layout or tar,
// or the tags of a repository that match a pattern.
type Selection struct {
	Location
	Pattern string // of tags, for path.Match; "" selects by the location alone
	Latest  int    // select only so many tags, the highest versions; 0 for all
}

// ParseSelection parses SRC: a location, a repository with a pattern of tags, or a repository
// alone, for all its tags.
func ParseSelection(text string, latest int) (Selection, error) {
	name, pattern := CutPattern(strings.TrimPrefix(text, TransportDocker))
	repository, err := cli.ParseRepository(TransportDocker + name)
	if IsRegistryRef(text) && (pattern != "" || err == nil) {
		s := Selection{
			Location: Location{Transport: TransportDocker, Ref: repository},
			Pattern:  cmp.Or(pattern, "*"), Latest: latest,
		}
		if _, bad := path.Match(pattern, ""); bad != nil {
			err = fmt.Errorf("%q is not a pattern of tags", pattern)
		}
		return s, err
	}
	l, err := ParseLocation(text)
	if err == nil && latest > 0 {
		err = errors.New("latest selects among the tags of a repository, and this is one image")
	}
	return Selection{Location: l}, err
}

// CutPattern splits off a pattern of tags that stands in place of a tag, "" if there is none.
func CutPattern(text string) (name, pattern string) {
	colon := strings.LastIndexByte(text, ':')
	if colon > strings.LastIndexByte(text, '/') && strings.ContainsAny(text[colon:], "*?[") {
		return text[:colon], text[colon+1:]
	}
	return text, ""
}

// String returns the selection as users write it.
func (s Selection) String() string {
	switch s.Pattern {
	case "":
		return s.Location.String()
	case "*":
		return registryText(s.Ref.FamiliarName())
	}
	return registryText(s.Ref.FamiliarName() + ":" + s.Pattern)
}

// MayBeSeveral reports whether the selection may select more than one image.
func (s Selection) MayBeSeveral() bool { return s.Pattern != "" || s.IsWhole() }

// maxTags limits how many tags of a repository are read: an answer may be endless.
const maxTags = 1_000_000

// Tags lists the repository's tags: those selected, by version, and all that match the pattern.
func (s Selection) Tags(ctx context.Context, remote *run.Remote) (selected, all []string, err error) {
	repo, err := remote.Repository(ctx, s.Ref, auth.Pull)
	if err != nil {
		return nil, nil, err
	}
	for tag, err := range repo.TagNames(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if s.Matches(tag) {
			all = append(all, tag)
		}
		if len(all) > maxTags {
			return nil, nil, fmt.Errorf("%s lists more than %d tags", repo, maxTags)
		}
	}
	return LatestTags(all, s.Latest), all, nil
}

// Matches reports whether a tag is valid and matches the pattern. A registry may list tags that are
// not valid.
func (s Selection) Matches(tag string) bool {
	matches, _ := path.Match(s.Pattern, tag) // ParseSelection has checked the pattern
	return matches && reference.ValidTag(tag)
}

// noTags returns the error of a selection without tags.
func (s Selection) noTags() error {
	switch {
	case s.Latest > 0:
		return cli.Reword(fs.ErrNotExist, "%s has no tag that is a version", s)
	case s.Pattern == "*":
		return cli.Reword(fs.ErrNotExist, "%s has no tags", s)
	}
	return cli.Reword(fs.ErrNotExist, "%s matches no tag", s)
}

// IsReferrersTag reports whether a tag lists the referrers of an image (distribution-spec,
// "Referrers Tag Schema"). The target maintains such tags itself; the source need not have them.
func IsReferrersTag(tag string) bool {
	algorithm, hex, _ := strings.Cut(tag, "-")
	return blob.Digest(algorithm+":"+hex).Validate() == nil
}
