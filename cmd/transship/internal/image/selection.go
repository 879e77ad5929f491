package image

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/reference"
)

// Selection is what the source of a list's line selects: one image, all images of a layout or tar,
// or tags of a repository, or of those repositories of a registry that match a pattern.
type Selection struct {
	Location
	Repositories repositoryPattern   // on the registry of Ref, which has no path then; "" for one repository
	Tags         *tagselect.Selector // nil selects by the location alone
	Latest       int                 // select only so many tags of a repository, the highest versions; 0 for all
	Minimum      int                 // fail if fewer tags match
	Shard        Shard               // of several repositories select only these; the zero value for all
	Others       bool                // name the repositories of other shards too
}

// ParseSelection parses what an entry of a list selects: a location, a repository with or without
// patterns of tags, or HOST/PATTERN for several repositories.
func ParseSelection(e ListEntry) (Selection, error) {
	name, pattern := CutPattern(e.Source)
	if !IsRegistryRef(e.Source) {
		name, pattern = e.Source, ""
	}
	if pattern != "" {
		var words tagselect.Words
		words.Add(pattern)
		e.Include, e.Exclude = slices.Concat(words.Include, e.Include), slices.Concat(words.Exclude, e.Exclude)
		e.Semver = strings.TrimSpace(words.Semver + " " + e.Semver)
	}
	if text := strings.TrimPrefix(name, TransportDocker); IsRegistryRef(name) && isRepositoryPattern(text) {
		registry, repositories, err := parseRepositoryPattern(text)
		if err != nil {
			return Selection{}, err
		}
		return e.selection(registry, repositories)
	}
	repository, err := cli.ParseRepository(TransportDocker + strings.TrimPrefix(name, TransportDocker))
	if IsRegistryRef(name) && (pattern != "" || err == nil) {
		if err != nil {
			return Selection{}, err
		}
		return e.selection(repository, "")
	}
	l, err := ParseLocation(e.Source)
	switch {
	case err != nil:
	case !e.words().IsEmpty():
		err = &cli.UsageError{
			Message: fmt.Sprintf("%s is one image, and patterns select among the tags of a repository", e.Source),
			Advice:  "leave out its tag, or the patterns",
		}
		if !l.IsRegistry() {
			err = &cli.UsageError{Message: fmt.Sprintf("patterns select among the tags of a repository, which %s is not", e.Source)}
		}
	case e.Latest > 0:
		err = errors.New("latest selects among the tags of a repository, and this is one image")
	case e.Minimum > 0:
		err = errors.New("minimum counts the tags of a repository, and this is one image")
	}
	return Selection{Location: l}, err
}

// ParseArgs parses an argument REF and the words after it that select tags. REF without any is one image,
// or all of a layout or tar.
func ParseArgs(words []string) (Selection, error) {
	e := ListEntry{Source: words[0]}
	for _, word := range words[1:] {
		e.addSelector(word)
	}
	name, pattern := CutPattern(e.Source)
	severalRepositories := IsRegistryRef(name) && isRepositoryPattern(strings.TrimPrefix(name, TransportDocker))
	switch {
	case tagselect.IsWord(e.Source) && !cli.IsFile(e.Source):
		return Selection{}, &cli.UsageError{
			Message: fmt.Sprintf("%s selects tags, and no repository stands before it", e.Source),
			Advice:  "write REPOSITORY " + e.Source,
		}
	case IsRegistryRef(e.Source) && pattern != "", severalRepositories, !e.words().IsEmpty():
		return ParseSelection(e)
	}
	l, err := ParseLocation(e.Source)
	return Selection{Location: l}, err
}

// selection returns what the entry selects in a repository, or in several of a registry.
func (e *ListEntry) selection(at reference.Reference, repositories repositoryPattern) (Selection, error) {
	tags, err := e.words().Selector()
	return Selection{
		Location:     Location{Transport: TransportDocker, Ref: at},
		Repositories: repositories, Tags: tags, Latest: e.Latest, Minimum: e.Minimum,
	}, err
}

// CutPattern splits off what selects tags in the place of a tag, "" if there is nothing.
func CutPattern(text string) (name, pattern string) {
	rest := strings.TrimPrefix(text, TransportDocker)
	transport := text[:len(text)-len(rest)]
	colon := strings.LastIndexByte(rest, ':')
	if i := strings.Index(rest, ":/"); i >= 0 && tagselect.IsRegexp(rest[i+1:]) {
		colon = i
	} else if i := strings.Index(rest, ":!/"); i >= 0 && tagselect.IsRegexp(rest[i+2:]) {
		colon = i
	} else if colon < strings.LastIndexByte(rest, '/') {
		return text, ""
	}
	if colon < 0 || !tagselect.IsWord(rest[colon+1:]) {
		return text, ""
	}
	return transport + rest[:colon], rest[colon+1:]
}

// repository returns the name of what the tags are selected in, as users write it.
func (s Selection) repository() string {
	if s.Repositories != "" {
		return s.Ref.Domain + "/" + string(s.Repositories)
	}
	return registryText(s.Ref.FamiliarName())
}

// String returns the selection as users write it, without Latest and Minimum.
func (s Selection) String() string {
	switch {
	case s.Tags == nil:
		return s.Location.String()
	case s.Tags.MatchAll():
		return s.repository()
	}
	first, rest, _ := strings.Cut(s.Tags.String(), " ")
	switch {
	case !tagselect.IsWord(first), tagselect.IsRange(first), first[0] == '!':
		return s.repository() + " " + s.Tags.String()
	case rest != "":
		return s.repository() + ":" + first + " " + rest
	}
	return registryText(strings.TrimPrefix(s.repository(), TransportDocker) + ":" + first)
}

// MayBeSeveral reports whether the selection may select more than one image.
func (s Selection) MayBeSeveral() bool { return s.Tags != nil || s.IsWhole() }

// IsReferrersTag reports whether a tag lists the referrers of an image (distribution-spec,
// "Referrers Tag Schema"). The target maintains such tags itself; the source need not have them.
func IsReferrersTag(tag string) bool {
	algorithm, hex, _ := strings.Cut(tag, "-")
	return blob.Digest(algorithm+":"+hex).Validate() == nil
}
