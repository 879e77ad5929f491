package main

import (
	"slices"
	"strings"
	"testing"
)

// One folder is one target, whichever way its path is written: its blobs are fetched and planned
// once, and an image is not overwritten.
func TestPathsOfOneFolder(t *testing.T) {
	c := newCopySetup(t)
	c.writeFile("lay/.keep", "")
	c.removeFile("lay/.keep")
	c.linkTo("lay", "link")
	for _, way := range []string{"@/./lay", "@/x/../lay", "@/link"} {
		c.do("copy SRC oci:@/lay:1 oci:" + way + ":1").wantError(wantedError{2, "named twice as a target", ""})
		report := c.checkPlans(c.source).plan(strings.Fields(strings.NewReplacer("SRC", c.src, "@", c.path("")).
			Replace("copy SRC oci:@/lay:1 oci:" + way + ":2"))...)
		if got := storedTotals(report); got != "7 blobs, 304 bytes" {
			t.Errorf("%s: the plan has %s", way, got)
		}
	}
	c.do("copy -q SRC oci:@/lay:1 oci:@/./lay:2 oci:@/link:3").want(0)
	if got := imageNames(t, c.path("lay")); !slices.Equal(got, []string{c.srcWithTag("1"), c.srcWithTag("2"), c.srcWithTag("3")}) {
		t.Errorf("it has %v", got)
	}
	c.source.pushImage("src/other", "1", "linux/amd64", "other")
	c.writeList("FROM/src/repo:1.6 oci:@/new:x/y:1\nFROM/src/other:1 oci:@/./new:x/y:1\n")
	c.do("sync -f @/images").want(8, "is copied there too")
}

// srcWithTag returns the name of the source image with another tag.
func (c *copySetup) srcWithTag(tag string) string { return strings.TrimSuffix(c.src, "1.6") + tag }
