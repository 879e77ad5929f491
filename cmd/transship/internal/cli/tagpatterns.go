package cli

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// TagPatterns is the value of a flag that names tags by shell patterns, and may be repeated.
type TagPatterns []string

// String implements flag.Value.
func (p *TagPatterns) String() string { return strings.Join(*p, " ") }

// Set implements flag.Value. It refuses what no tag can match.
func (p *TagPatterns) Set(text string) error {
	if _, err := path.Match(text, ""); err != nil || text == "" || strings.ContainsAny(text, "/:@!, ") {
		return fmt.Errorf("%q is not a pattern of tags, such as v1.* or *-rc[0-9]", text)
	}
	*p = append(*p, text)
	return nil
}

// Match reports whether a tag matches one of the patterns.
func (p TagPatterns) Match(tag string) bool {
	return slices.ContainsFunc(p, func(pattern string) bool {
		ok, _ := path.Match(pattern, tag) // Set has checked it
		return ok
	})
}
