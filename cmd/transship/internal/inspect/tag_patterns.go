package inspect

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/reference"
)

// tagPatterns select tags by shell patterns, for path.Match.
type tagPatterns struct {
	include []string // a tag must match one of them, if there are any
	exclude []string // and none of these
}

// parseTagPatterns parses REPOSITORY[:PATTERN] [PATTERN|!PATTERN...].
func parseTagPatterns(args []string) (reference.Reference, tagPatterns, error) {
	var p tagPatterns
	name, pattern := image.CutPattern(args[0])
	ref, err := cli.ParseRepository(name)
	if err != nil {
		return ref, p, err
	}
	if pattern != "" {
		p.include = append(p.include, pattern)
	}
	for _, arg := range args[1:] {
		if excluded, ok := strings.CutPrefix(arg, "!"); ok {
			p.exclude = append(p.exclude, excluded)
		} else {
			p.include = append(p.include, arg)
		}
	}
	for _, pattern := range slices.Concat(p.include, p.exclude) {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return ref, p, &cli.UsageError{
				Message: fmt.Sprintf("%q is not a pattern of tags", pattern),
				Advice:  "a pattern has * for any characters, ? for one and [a-z] for one of several: 1.*, or !*-rc*",
			}
		}
	}
	return ref, p, nil
}

// matchAll reports whether there are no patterns.
func (p tagPatterns) matchAll() bool { return len(p.include)+len(p.exclude) == 0 }

// match reports whether the patterns select a tag.
func (p tagPatterns) match(tag string) bool {
	matches := func(pattern string) bool {
		ok, _ := path.Match(pattern, tag) // parseTagPatterns has checked it
		return ok
	}
	return (len(p.include) == 0 || slices.ContainsFunc(p.include, matches)) && !slices.ContainsFunc(p.exclude, matches)
}

// String returns the patterns as users write them.
func (p tagPatterns) String() string {
	all := slices.Clone(p.include)
	for _, pattern := range p.exclude {
		all = append(all, "!"+pattern)
	}
	return strings.Join(all, " ")
}
