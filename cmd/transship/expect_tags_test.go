package main

import (
	"testing"
)

// Lines of a list that put the same image under several tags keep to the list that --plan=expect has
// printed, though without it tags that are ready at a time go out with one call.
func TestPlannedListOfSeveralTags(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.writeList("FROM/src/repo:1.6 TO/tags:c\nFROM/src/repo:1.6 TO/tags:a\nFROM/src/repo:1.6 TO/tags:b\n")
	for range 2 {
		c.expectsLine("sync -f @/images")
	}
	c.expectsLine("copy SRC TO/more:c TO/more:a TO/more:b")
	if got := c.target.tagNames("more"); got != "a b c" {
		t.Errorf("there are %s", got)
	}
}
