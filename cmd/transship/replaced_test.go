package main

import (
	"os"
	"strings"
	"testing"
)

// A copy to a tar says which images the tar had, unless that is the one that is copied; --no-clobber
// refuses it and leaves the tar as it is.
func TestReplacedTar(t *testing.T) {
	for _, transport := range []string{"oci-archive:", "docker-archive:"} {
		c := newCopySetup(t)
		c.source.pushImage("src/other", "1", "linux/amd64", "other")
		line := "copy SRC " + transport + "@/x.tar"
		if o := c.do(line).want(0); strings.Contains(o.stderr, "replaced") {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
		if o := c.do(line + " --no-clobber").want(0); strings.Contains(o.stderr, "replaced") {
			t.Errorf("%s, again\nsays %s", o.line, o.stderr)
		}
		c.do("save -o @/x.tar FROM/src/other:1 SRC").want(0)
		before, err := os.ReadFile(c.path("x.tar"))
		c.must(err)
		for _, plan := range []string{"", " --plan"} {
			o := c.do(line+" --no-clobber"+plan).want(9, "is not replaced: it has 2 images: ", "/src/other:1")
			if after, err := os.ReadFile(c.path("x.tar")); err != nil || string(after) != string(before) || len(o.hintLines()) != 1 {
				t.Errorf("%s\nchanges the tar: %v; hints %q", o.line, err, o.hintLines())
			}
		}
		c.do(line).want(0, "is replaced; it had 2 images: ", "/src/other:1")
		other := line + ":other/name:2" // the same image, and its name would be lost
		c.do(other+" --no-clobber").want(9, "is not replaced: it has 1 image: ", "/src/repo:1.6")
		c.do(other).want(0, "is replaced; it had 1 image: ", "/src/repo:1.6")
		c.writeFile("x.tar", "no tar")
		c.do(line+" --no-clobber").want(9, "no readable tar of images")
		c.do(line).want(0, "is replaced; it had 6 B that are no readable tar")
	}
}
