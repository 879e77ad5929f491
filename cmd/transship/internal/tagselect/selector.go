package tagselect

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// Selector selects tags of a repository. The zero value selects all of them.
type Selector struct {
	include  []tagPattern // a tag must match one of them, if there are any
	exclude  []tagPattern // and none of these
	versions versionRange // and its version must be in this range
	words    []string     // as users write it, for String
}

// tagPattern reports whether it matches a tag.
type tagPattern func(tag string) bool

// IsWord reports whether a word selects tags, and names no image, repository or layout: a
// shell pattern without / and :, a regular expression between slashes, a bound of a version range, or
// one of them after !. No name on a registry begins or looks like that.
func IsWord(word string) bool {
	switch {
	case strings.HasPrefix(word, "~/"): // a file
		return false
	case strings.HasPrefix(word, "!"), IsRange(word), IsRegexp(word):
		return true
	}
	return strings.ContainsAny(word, "*?[") && !strings.ContainsAny(word, "/:")
}

// IsRegexp reports whether a word is a regular expression: /text/.
func IsRegexp(word string) bool {
	return len(word) > 2 && word[0] == '/' && word[len(word)-1] == '/'
}

// Parse parses words that select tags, also tags themselves.
func Parse(words ...string) (*Selector, error) {
	var w Words
	for _, word := range words {
		w.Add(word)
	}
	return w.Selector()
}

// Words are the words of a selection, by what they do.
type Words struct {
	Include []string // patterns of tags, one of which must match
	Exclude []string // patterns and ranges, none of which may match
	Semver  string   // a range of versions
}

// Add adds a word that selects tags.
func (w *Words) Add(word string) {
	excluded, isExclude := strings.CutPrefix(word, "!")
	switch {
	case isExclude:
		w.Exclude = append(w.Exclude, excluded)
	case IsRange(word):
		w.Semver = strings.TrimSpace(w.Semver + " " + word)
	default:
		w.Include = append(w.Include, word)
	}
}

// IsEmpty reports whether there is no word.
func (w Words) IsEmpty() bool { return len(w.Include)+len(w.Exclude) == 0 && w.Semver == "" }

// Selector returns what the words select.
func (w Words) Selector() (*Selector, error) {
	s := &Selector{words: slices.Concat(w.Include, strings.Fields(w.Semver))}
	var err error
	for _, text := range w.Include {
		if IsRange(text) {
			return nil, &cli.UsageError{Message: fmt.Sprintf("%q is a range of versions: write it as semver", text)}
		}
		if s.include, err = appendPattern(s.include, text); err != nil {
			return nil, err
		}
	}
	for _, text := range w.Exclude {
		if s.exclude, err = appendPattern(s.exclude, text); err != nil {
			return nil, err
		}
		s.words = append(s.words, "!"+text)
	}
	if w.Semver != "" {
		s.versions, err = parseVersionRange(w.Semver)
	}
	return s, err
}

// appendPattern parses a shell pattern, /regular expression/ or range of versions.
func appendPattern(list []tagPattern, text string) ([]tagPattern, error) {
	if IsRange(text) {
		versions, err := parseVersionRange(text)
		return append(list, func(tag string) bool { return versions.match(tag, true) }), err
	}
	if IsRegexp(text) {
		expression, err := regexp.Compile(text[1 : len(text)-1])
		if err != nil {
			return nil, &cli.UsageError{
				Message: fmt.Sprintf("%q is not a regular expression: %v", text, err),
				Advice:  "the syntax is that of RE2, without (?= and the like",
			}
		}
		return append(list, expression.MatchString), nil
	}
	if _, err := path.Match(text, ""); err != nil || text == "" || strings.ContainsAny(text, " \t\r\n") {
		return nil, &cli.UsageError{
			Message: fmt.Sprintf("%q is not a pattern of tags", text),
			Advice: "a pattern has * for any characters, ? for one and [a-z] for one of several: 1.*, or !*-rc*; " +
				"transship help lists shows all",
		}
	}
	if strings.ContainsAny(text, "/:@,") {
		return nil, &cli.UsageError{
			Message: fmt.Sprintf("%q is not a pattern of tags: no tag has any of / : , @", text),
			Advice:  "patterns follow the one repository that they are about; /between slashes/ is a regular expression",
		}
	}
	return append(list, func(tag string) bool {
		matches, _ := path.Match(text, tag) // the syntax has been checked
		return matches
	}), nil
}

// Match reports whether a tag is valid and selected. A registry may list tags that are not valid.
func (s *Selector) Match(tag string) bool {
	matches := func(p tagPattern) bool { return p(tag) }
	return reference.ValidTag(tag) && (len(s.include) == 0 || slices.ContainsFunc(s.include, matches)) &&
		s.versions.match(tag, len(s.include) > 0) && !slices.ContainsFunc(s.exclude, matches)
}

// MatchAll reports whether the selector was given nothing to select by.
func (s *Selector) MatchAll() bool { return len(s.words) == 0 }

// String returns the selector as users write it, "" for all tags.
func (s *Selector) String() string { return strings.Join(s.words, " ") }
