package main

import "testing"

// --rewrite means for sync what it means for load: the longest FROM replaces the beginning of a path below
// REGISTRY[/PREFIX].
func TestSyncRewrite(t *testing.T) {
	c := newSyncSetup(t)
	c.source.pushImage("team/web/site", "1", "linux/amd64", "x")
	c.writeList("FROM/app:v1.9\nFROM/team/**\nFROM/team/web/site:1 TO/own\nFROM/team/** TO/q\nFROM/team/web/site:1 oci:@/lay\n")
	c.do("sync -f @/images TO/p --rewrite team=t --rewrite team/web=w --rewrite FROM/app=a/b").want(0)
	for repo, want := range map[string]string{
		"p/a/b": "v1.9", "p/w/site": "1", "own": "1", "q/w/site": "1",
	} {
		if got := c.target.tagNames(repo); got != want {
			t.Errorf("%s has %q", repo, got)
		}
	}
	if got := imageNames(t, c.path("lay")); len(got) != 1 || got[0] != c.source.host+"/team/web/site:1" {
		t.Errorf("the layout has %v", got)
	}
	c.target.pushImage("p/w/site", "old", "linux/amd64", "y")
	c.writeList("FROM/team/**\n")
	c.do("sync -f @/images TO/p --rewrite team/web=w --prune").want(0, "to be removed: "+c.target.host+"/p/w/site:old")
	for line, want := range map[string]wantedError{
		"--rewrite team":                  {2, `--rewrite: "team" is not FROM=TO`, ""},
		"--rewrite a=b --rewrite a=c":     {2, "--rewrite: a is rewritten twice", ""},
		"TO/p --rewrite team=UP":          {2, "which is not an image name", "correct --rewrite"},
		"oci:@/other --rewrite team=mine": {2, "--rewrite is for images below REGISTRY[/PREFIX]", "write the new names as DST"},
	} {
		c.do("sync -f @/images "+line).want(want.code, want.message, want.hint)
	}
	c.writeList("FROM/app:v1.9 TO/own\n")
	c.do("sync -f @/images TO --rewrite app=b").wantError(wantedError{2, "--rewrite is for images below", "write the new names"})
}
