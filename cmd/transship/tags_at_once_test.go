package main

import (
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// Several tags of one image in a repository go out with one PUT; a registry that does not know that
// gets one more for each, and the question only once.
func TestSeveralTagsInOnePut(t *testing.T) {
	for name, line := range map[string]string{
		"copy":         "copy SRC TO/src/repo:1.6 TO/src/repo:1.6.2 TO/src/repo:latest",
		"load":         "load @/saved.tar TO",
		"load, 1 job":  "load @/saved.tar TO --jobs 1",
		"sync":         "sync -f @/images",
		"sync, 1 line": "sync -f @/lines TO",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			for _, tag := range []string{"1.6.2", "latest"} {
				c.do("copy SRC FROM/src/repo:" + tag).want(0)
			}
			c.do("save -o @/saved.tar FROM/src/repo:1.6 FROM/src/repo:1.6.2 FROM/src/repo:latest").want(0)
			c.writeList("FROM/src/repo TO/src/repo")
			c.writeFile("lines", c.source.host+"/src/repo:1.6\n"+c.source.host+"/src/repo:1.6.2\n"+c.source.host+"/src/repo:latest\n")
			const roots, one = `^PUT .*/manifests/(1\.6|latest|sha256:.*[?])`, `^PUT .*[?]tag=[^&]*&tag=[^&]*&tag=[^&]*$`
			if name != "sync" && name != "sync, 1 line" { // these copy side by side what comes at the same time
				c.do(line).want(0)
				if n, all := c.target.Count(one), c.target.Count(roots); n != 1 || all != 1 {
					t.Errorf("%s\n%d PUTs with three tags, %d in all", line, n, all)
				}
			} else if c.do(line).want(0); c.target.Count(roots) > 3 {
				t.Errorf("%s\n%d PUTs", line, c.target.Count(roots))
			}
			want := c.do("digest SRC").want(0).stdout
			for _, tag := range []string{"1.6", "1.6.2", "latest"} {
				if got := c.do("digest TO/src/repo:" + tag).want(0).stdout; got != want {
					t.Errorf("%s is %s, want %s", tag, got, want)
				}
			}
			c.do(line).want(0)

			c.target = startServer(t)
			c.writeList("FROM/src/repo TO/src/repo")
			c.target.Set(registry.Rule{Match: "[?&]tag=", DropQuery: []string{"tag"}})
			c.do(line).want(0)
			if n := c.target.Count(roots); n > 4 {
				t.Errorf("%s\n%d PUTs at a registry that ignores tag=", line, n)
			}
			for _, tag := range []string{"1.6", "1.6.2", "latest"} {
				if got := c.do("digest TO/src/repo:" + tag).want(0).stdout; got != want {
					t.Errorf("%s is %s, want %s", tag, got, want)
				}
			}
		})
	}
}

// The plan of a load has the one call, with what it relies on.
func TestPlanOfSeveralTags(t *testing.T) {
	c := newCopySetup(t)
	c.do("copy SRC FROM/src/repo:latest").want(0)
	c.do("save -o @/saved.tar SRC FROM/src/repo:latest").want(0)
	c.checkPlans(c.target).runAsPlanned("load", c.path("saved.tar"), c.target.host, "--jobs=1").
		want(t, "7 uploads, 0 mounts, 0 present, 304 bytes", "targets", "sessions", "tags", "anonymous")
}

// Where one of the tags is refused, the others are set, and the failure names the one.
func TestSeveralTagsOfWhichOneIsRefused(t *testing.T) {
	c := newCopySetup(t)
	refuse := registry.Rule{Match: `^PUT .*([?&]tag=latest|/manifests/latest)`, Status: 403,
		Body: `{"errors":[{"code":"DENIED","message":"the tag latest is immutable"}]}`}
	c.target.Set(refuse)
	o := c.do("copy SRC TO/src/repo:1.6 TO/src/repo:latest TO/src/repo:1.7").want(8, "src/repo:latest", "immutable")
	if !c.target.has("src/repo", "1.6") || !c.target.has("src/repo", "1.7") || c.target.has("src/repo", "latest") {
		t.Errorf("%s\nthe wrong tags are set", o.line)
	}
}
