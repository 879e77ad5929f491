package main

import (
	"strings"
	"testing"
)

// Whatever moves a tag says so, with the digest that it pointed to; --no-clobber refuses that, and
// takes a tag that is new or points to the image already.
func TestMovedTag(t *testing.T) {
	for name, line := range map[string]string{
		"copy":       "copy SRC TO/src/repo:1.6",
		"several":    "copy SRC TO/src/repo:1.6 TO/second:1",
		"sync":       "sync -f @/images",
		"load":       "load @/saved.tar TO",
		"push":       "push TO/src/repo:1.6",
		"to layouts": "copy SRC oci:@/layout:x/y:1",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.writeList("FROM/src/repo:1.6 TO/src/repo:1.6")
			c.do("save -o @/saved.tar SRC").want(0)
			c.do("pull SRC").want(0)
			c.do("tag SRC TO/src/repo:1.6").want(0)
			old := c.target.pushImage("src/repo", "1.6", "linux/amd64", "old")
			c.do("copy TO/src/repo:1.6 oci:@/layout:x/y:1").want(0)
			c.target.ResetRequests()
			code := 9
			if name == "several" {
				code = 8
			}
			o := c.do(line+" --no-clobber").want(code, "is not moved from ")
			if n := c.target.Count("^PUT .*/src/repo/"); n != 0 || name != "several" && len(o.hintLines()) != 1 {
				t.Errorf("%d calls that write; hints %q", n, o.hintLines())
			}
			c.do(line+" --no-clobber --plan").want(code, "is not moved from ")
			c.do(line).want(0, " moves from "+string(old.Digest))
			if o = c.do(line + " --no-clobber").want(0); strings.Contains(o.stderr, "moves") {
				t.Errorf("%s\nsays %s", o.line, o.stderr)
			}
		})
	}
}
