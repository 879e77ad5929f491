package main

import "testing"

// manifest push --no-clobber moves no tag that points to something else, and pushes nothing then; a
// new tag and the same list are taken.
func TestManifestPushNoClobber(t *testing.T) {
	b := newListSetup(t)
	b.do("create LIST REPO:amd64 REPO:arm64").want(0)
	b.do("push --no-clobber LIST").want(0)
	b.do("push --no-clobber LIST").want(0)
	old := b.pushImage("dst/repo", "1.6", "linux/amd64", "old")
	b.ResetRequests()
	for _, plan := range []string{"", " --plan"} {
		o := b.do("push --no-clobber LIST"+plan).want(9, "the tag 1.6 is not moved from "+string(old.Digest))
		if n := b.Count("^(PUT|POST)"); n != 0 || len(o.hintLines()) != 1 {
			t.Errorf("%s\nmakes %d calls that write; hints %q", o.line, n, o.hintLines())
		}
	}
	b.do("push LIST").want(0)
}
