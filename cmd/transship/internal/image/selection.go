package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

// Selection is what the source of a list's line means: one image, all images of a layout or tar, or those tags of a
// repository that match a pattern.
type Selection struct {
	Location
	Pattern string // of tags, as path.Match has it; "" where the location is what is meant
	Latest  int    // only so many, the highest versions; 0 is all
}

// ParseSelection reads SRC: a location, a repository without a tag, which is all its tags, or one with a pattern.
func ParseSelection(text string, latest int) (Selection, error) {
	name, pattern := cutPattern(strings.TrimPrefix(text, TransportDocker))
	repository, err := reference.ParseRepository(name)
	if IsRegistryRef(text) && (pattern != "" || err == nil) {
		l := Selection{Location{Transport: TransportDocker, Ref: repository}, cmp.Or(pattern, "*"), latest}
		if _, bad := path.Match(pattern, ""); bad != nil {
			err = fmt.Errorf("%q is no pattern of tags", pattern)
		}
		return l, err
	}
	l, err := ParseLocation(text)
	if err == nil && latest > 0 {
		err = errors.New("latest chooses among the tags of a repository, and this is one image")
	}
	return Selection{Location: l}, err
}

// cutPattern splits off what stands in the place of a tag, where that is a pattern.
func cutPattern(text string) (name, pattern string) {
	colon := strings.LastIndexByte(text, ':')
	if colon > strings.LastIndexByte(text, '/') && strings.ContainsAny(text[colon:], "*?[") {
		return text[:colon], text[colon+1:]
	}
	return text, ""
}

// String is the selection as people write it.
func (s Selection) String() string {
	switch s.Pattern {
	case "":
		return s.Location.String()
	case "*":
		return registryText(s.Ref.FamiliarName())
	}
	return registryText(s.Ref.FamiliarName() + ":" + s.Pattern)
}

// MayBeSeveral tells whether the selection may mean more than one image.
func (s Selection) MayBeSeveral() bool { return s.Pattern != "" || s.IsWhole() }

// maxTags is how many tags of a repository are looked at. No repository has so many, but an answer may.
const maxTags = 1_000_000

// Tags lists the tags of a repository that are selected, in the order of their versions.
func (s Selection) Tags(ctx context.Context, on *run.Remote) (selected, all []string, err error) {
	repo, err := on.Repository(ctx, s.Ref, auth.Pull)
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
	return latestTags(all, s.Latest), all, nil
}

// Matches tells whether the pattern is for a tag. What a registry lists that can be no tag is passed over.
func (s Selection) Matches(tag string) bool {
	matches, _ := path.Match(s.Pattern, tag) // the pattern was tried when it was read
	return matches && reference.ValidTag(tag)
}

// noTags is the error that nothing is selected.
func (s Selection) noTags() error {
	switch {
	case s.Latest > 0:
		return cli.Reword(fs.ErrNotExist, "%s has no tag that is a version", s)
	case s.Pattern == "*":
		return cli.Reword(fs.ErrNotExist, "%s has no tags", s)
	}
	return cli.Reword(fs.ErrNotExist, "%s matches none of the tags", s)
}

// latestTags keeps the n highest versions, all tags where n is 0. A tag that is no version, such as latest, is none of
// them.
func latestTags(tags []string, n int) []string {
	tags = slices.Clone(tags)
	slices.SortStableFunc(tags, CompareVersions)
	if n == 0 {
		return tags
	}
	tags = slices.DeleteFunc(tags, func(t string) bool { return !isVersion(t) })
	return tags[max(0, len(tags)-n):]
}

// isVersion tells whether a tag begins with a number, with or without a v before it.
func isVersion(tag string) bool {
	tag = strings.TrimPrefix(tag, "v")
	return tag != "" && tag[0] >= '0' && tag[0] <= '9'
}

// CompareVersions orders tags as versions: numbers in them by their value, so that 1.10 comes after 1.9, and a release after
// what precedes it with a hyphen, so that 1.6 comes after 1.6-rc1.
func CompareVersions(a, b string) int {
	x, y := strings.TrimPrefix(a, "v"), strings.TrimPrefix(b, "v")
	for x != "" && y != "" {
		var p, q string
		p, x = versionPart(x)
		q, y = versionPart(y)
		if c := comparePart(p, q); c != 0 {
			return c
		}
	}
	switch {
	case x == "" && y == "":
		return strings.Compare(a, b)
	case strings.HasPrefix(x, "-"), y != "" && y[0] != '-':
		return -1
	}
	return 1
}

// versionPart cuts off a run of digits, or a character that is none.
func versionPart(s string) (part, rest string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	n = max(n, 1)
	return s[:n], s[n:]
}

// comparePart compares numbers by value, and sorts everything else before them: the hyphen of 1.6-rc1 before the dot of
// 1.6.1 is the order of the characters.
func comparePart(p, q string) int {
	number := func(s string) bool { return s[0] >= '0' && s[0] <= '9' }
	if number(p) && number(q) {
		p, q = strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
		if len(p) != len(q) {
			return len(p) - len(q)
		}
	}
	return strings.Compare(p, q)
}

// IsReferrersTag tells whether a tag lists what refers to an image (distribution-spec, "Referrers Tag Schema"). The target
// keeps those itself, and the source need not have them.
func IsReferrersTag(tag string) bool {
	algorithm, hex, _ := strings.Cut(tag, "-")
	return blob.Digest(algorithm+":"+hex).Validate() == nil
}
