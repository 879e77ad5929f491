package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/mirror"
)

// A tag that --keep-existing names and the target has stays, at the price of one call about it and
// none about its image at the source. Any other tag moves.
func TestKeepExisting(t *testing.T) {
	for name, line := range map[string]string{
		"copy":       "copy SRC TO/src/repo:1.6",
		"several":    "copy SRC TO/src/repo:1.6 TO/src/repo:1.7",
		"sync":       "sync -f @/images",
		"load":       "load @/saved.tar TO",
		"push":       "push TO/src/repo:1.6",
		"to layouts": "copy SRC oci:@/layout:x/y:1.6",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.writeList("FROM/src/repo:1.6 TO/src/repo:1.6")
			c.do("save -o @/saved.tar SRC").want(0)
			c.do("pull SRC").want(0)
			c.do("tag SRC TO/src/repo:1.6").want(0)
			old := c.target.pushImage("src/repo", "1.6", "linux/amd64", "old")
			c.target.pushImage("src/repo", "1.7", "linux/amd64", "old")
			c.do("copy TO/src/repo:1.6 oci:@/layout:x/y:1.6").want(0)
			for _, more := range []string{"", " --plan", " --repair", " --no-clobber"} {
				c.source.ResetRequests()
				c.target.ResetRequests()
				o := c.do(line + " --keep-existing 2.* --keep-existing 1.*" + more).want(0)
				if got := c.source.Requests(); len(got) != 0 {
					t.Errorf("%s\nmakes the call %s at the source", o.line, got[0].URL)
				}
				calls, tags := len(c.target.Requests()), c.target.Count("^HEAD .*/manifests/1.6$")
				if name != "to layouts" && (tags != 1 || calls != tags+c.target.Count("/1.7$")) {
					t.Errorf("%s\nmakes %d calls at the target, %d about the tag", o.line, calls, tags)
				}
				if printed := strings.Contains(o.stdout, string(old.Digest)); more == "" && printed == (name == "sync") {
					t.Errorf("%s\nprints %s", o.line, o.stdout)
				}
				if strings.Contains(o.stderr, "moves") || more == "" && !strings.Contains(o.stderr, "kept") {
					t.Errorf("%s\nsays %s", o.line, o.stderr)
				}
			}
			c.do(line+" --keep-existing 2.*").want(0, " moves from "+string(old.Digest))
		})
	}
}

// A target without the tag gets it, also where another one keeps its own.
func TestKeepExistingOfOneTarget(t *testing.T) {
	c := newCopySetup(t)
	old := c.target.pushImage("src/repo", "1.6", "linux/amd64", "old")
	o := c.do("copy --keep-existing 1.6 SRC TO/src/repo:1.6 TO/other:1.6").want(0)
	lines := strings.Split(o.stdout, "\n")
	if !strings.HasSuffix(lines[0], "@"+string(old.Digest)) || lines[1] == "" || strings.HasSuffix(lines[1], "@"+string(old.Digest)) {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	if !c.target.has("other", "1.6") {
		t.Error("the other target has no image")
	}
}

// Where a line means several tags, one list of the target's tags says which to keep.
func TestKeepExistingOfPattern(t *testing.T) {
	c := newCopySetup(t)
	for _, tag := range []string{"1.7", "1.8", "latest"} {
		c.source.pushImage("src/repo", tag, "linux/amd64", "new "+tag)
	}
	old := c.target.pushImage("src/repo", "1.7", "linux/amd64", "old")
	c.target.pushImage("src/repo", "latest", "linux/amd64", "old")
	c.target.pushImage("src/repo", "1.6", "linux/amd64", "old")
	c.writeList("FROM/src/repo TO/src/repo")
	for range 2 {
		c.source.ResetRequests()
		c.target.ResetRequests()
		o := c.do("sync -f @/images --keep-existing 1.* --state @/state --prune --json").want(0)
		var report mirror.SyncReport
		if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
			t.Fatal(err)
		}
		for _, kept := range []string{"1.6", "1.7"} {
			if n := c.source.Count("/manifests/"+kept) + c.target.Count("/manifests/"+kept); n != 0 {
				t.Errorf("%d calls about %s", n, kept)
			}
		}
		if n := c.target.Count("^GET .*/tags/list"); n > 2 || report.Kept < 2 || report.Images[1].Status != mirror.SyncKept {
			t.Errorf("%d lists of tags; the report is %+v", n, report)
		}
	}
	got := c.do("digest TO/src/repo:1.7").want(0).stdout
	if strings.TrimSpace(got) != string(old.Digest) || !c.target.has("src/repo", "1.8") {
		t.Errorf("1.7 is %s", got)
	}
}

func TestKeepExistingOfWhatIsNoPattern(t *testing.T) {
	c := newCopySetup(t)
	for _, pattern := range []string{"[", "", "repo:1.*", "a/b", "1.*,2.*", "1.* 2.*", "![", "!a/b"} {
		o := c.run("copy", c.src, c.dst, "--keep-existing", pattern).want(2, "is not a pattern of tags")
		if n := len(c.target.Requests()); n != 0 {
			t.Errorf("%s\nmakes %d calls", o.line, n)
		}
	}
	c.run("copy", c.src, c.dst, "--keep-existing", "/(/").want(2, "is not a regular expression")
	c.run("copy", c.src, c.dst, "--keep-existing", ">=x").want(2, "is not a range of versions")
}

// The flag takes what a line of a list takes.
func TestKeepExistingBySelection(t *testing.T) {
	c := newCopySetup(t)
	c.do("copy -q SRC DST").want(0)
	for words, kept := range map[string]bool{
		"/^1/": true, ">=1.5": true, ">=1.5 <1.6": false, "!2.*": true, "!1.*": false, "1.6": true, "1.* | !1.6": false,
		">=1.5 | <2": true, ">=1.5 | <1.6": false, "2.* | 1.*": true,
	} {
		args := []string{"copy", c.src, c.dst}
		for word := range strings.SplitSeq(words, " | ") {
			args = append(args, "--keep-existing", word)
		}
		o := c.run(args...).want(0)
		if got := strings.Contains(o.stderr, "kept"); got != kept {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
}
