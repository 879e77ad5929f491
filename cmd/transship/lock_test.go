package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The commands of docs/lists.md do what it says of them, and the lock is as shown there.
func TestLockOfTheListsPage(t *testing.T) {
	c := newListsSetup(t)
	page := listsPage(t, c.source.host, c.target.host)
	run := func(line string) result {
		return c.run(strings.Fields(strings.NewReplacer("transship ", "", "images.", c.path("images."), "monday.tar",
			c.path("monday.tar"), "again.tar", c.path("again.tar")).Replace(line))...).want(0)
	}
	c.writeFile("images.txt", `[{"source": "`+c.source.host+`/team/app", "include": ["3.*"], "exclude": ["*-*"], "latest": 1}]`)
	commands := strings.Split(fenced(page, "sh")[0], "\n")
	run(commands[0])
	var want, got any
	digest := string(c.source.pushImage("team/app", "3.20", "linux/amd64", "3.20").Digest)
	shown := strings.Replace(fenced(page, "lock")[0], emptySHA256, digest, 1)
	if err := json.Unmarshal([]byte(shown), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(readFile(t, c.path("images.lock"))), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text := readFile(t, c.path("images.lock")); text != shown+"\n" {
		t.Errorf("the lock is\n%s", text)
	}
	c.source.pushImage("team/app", "3.21", "linux/amd64", "new")
	for _, line := range commands[1:] {
		run(line)
	}
	if readFile(t, c.path("monday.tar")) != readFile(t, c.path("again.tar")) {
		t.Error("the two bundles differ")
	}
	if got := c.target.tagNames("mirror/team/app"); got != "3.20" {
		t.Errorf("sync copied %s", got)
	}
}

// Under --locked a tag that has moved is an error, and none of the new image is copied.
func TestLockedTagThatMoved(t *testing.T) {
	c := newListsSetup(t)
	c.writeList("FROM/team/app >=3.19 <4\nFROM/tools/**\nFROM/src/repo:1.6\nFROM/team/web:latest\n")
	c.do("sync -f @/images TO/a --lock @/lock").want(0)
	c.source.ResetRequests()
	c.target.ResetRequests()
	c.do("sync -f @/images TO/a --locked @/lock").want(0, "6 unchanged")
	if n, m := c.source.Count("/v2/.+"), c.target.Count("/v2/.+"); n != 6 || m != 6 || c.source.Count("^HEAD ") != 6 {
		t.Errorf("calls: %v and %v", c.source.Requests(), c.target.Requests())
	}
	c.source.pushImage("tools/a", "latest", "linux/amd64", "another")
	c.source.pushImage("tools/a", "new", "linux/amd64", "another")
	c.source.pushImage("tools/new", "1", "linux/amd64", "another")
	o := c.do("sync -f @/images TO/b --locked @/lock").want(8, "failed: line 2: "+c.source.host+"/tools/a:latest: ",
		" now, and "+c.path("lock")+" has sha256:")
	if got := c.target.tagNames("b/tools/b/c") + c.target.tagNames("b/team/web"); got != "latestlatest" {
		t.Errorf("the other images are %s:\n%s", got, o.stderr)
	}
	if c.target.has("b/tools/a", "latest") || c.target.has("b/tools/a", "new") || c.target.has("b/tools/new", "1") {
		t.Error("an image was copied that the lock does not have")
	}
	for _, out := range []string{"@/x.tar", "@/d/"} {
		c.do("save -f @/images --locked @/lock -o "+out).want(7, "tools/a:latest is sha256:", "write the lock again with --lock")
		c.do("save -f @/images --locked @/lock --keep-going -o "+out).want(8, "saved 5 images")
	}
	before := readFile(t, c.path("lock"))
	c.do("save -f @/images --lock @/lock -o @/y.tar").want(0)
	if readFile(t, c.path("lock")) == before {
		t.Error("the lock has not changed")
	}
}

// A lock has the images of layouts and tars, and of --platform the whole image at its source.
func TestLockOfFilesAndPlatforms(t *testing.T) {
	c := newListsSetup(t)
	c.do("copy FROM/team/web:latest oci:@/lay").want(0)
	c.do("copy FROM/src/repo:1.6 oci:@/lay").want(0)
	c.writeList("oci:@/lay\nFROM/src/repo:1.6 other:1\n")
	c.do("save -f @/images --platform linux/amd64 --lock @/lock -o @/1.tar").want(0)
	list := string(c.source.pushThreePlatforms().Digest)
	if text := readFile(t, c.path("lock")); strings.Count(text, list) != 2 {
		t.Errorf("the lock does not have %s twice:\n%s", list, text)
	}
	c.do("copy FROM/tools/a:latest oci:@/lay").want(0)
	c.do("save -f @/images --platform linux/amd64 --locked @/lock -o @/2.tar").want(0)
	if readFile(t, c.path("1.tar")) != readFile(t, c.path("2.tar")) {
		t.Error("the two bundles differ")
	}
	c.do("copy FROM/tools/b/c:latest oci:@/lay:FROM/team/web:latest").want(0)
	c.do("save -f @/images --platform linux/amd64 --locked @/lock -o @/3.tar").want(7, "line 1: "+c.source.host+"/team/web:latest is ")
	if err := os.RemoveAll(c.path("lay")); err != nil {
		t.Fatal(err)
	}
	c.do("copy FROM/src/repo:1.6 oci:@/lay").want(0)
	c.do("save -f @/images --platform linux/amd64 --locked @/lock -o @/3.tar").want(4, "oci:"+c.path("lay")+" does not have "+c.source.host+"/team/web:latest")
	c.do("save --lock @/args FROM/team/app:3.* !*-* -o @/4.tar").want(0)
	c.do("save --locked @/args FROM/team/app:3.* !*-* -o @/5.tar").want(0)
}

// A lock is only written by a run that did all, and stays whole otherwise.
func TestLockIsWrittenWholeOrNot(t *testing.T) {
	c := newListsSetup(t)
	c.writeFile("lock", "old")
	c.writeList("FROM/team/web:latest\nFROM/team/web:none\n")
	for _, line := range []string{
		"sync -f @/images TO --lock @/lock", "save -f @/images -o @/x.tar --lock @/lock",
		"save -f @/images -o @/x.tar --lock @/lock --keep-going",
	} {
		if c.do(line).code == 0 {
			t.Errorf("%s succeeds", line)
		}
	}
	c.writeList("FROM/team/web:latest\n")
	c.do("sync -f @/images TO --lock @/lock --plan").want(0)
	c.do("save -f @/images -o @/y.tar --lock @/lock --plan").want(0)
	if got := readFile(t, c.path("lock")); got != "old" {
		t.Errorf("the lock is %s", got)
	}
	for _, line := range []string{"sync -f @/images TO --lock /dev/null", "sync -f @/images TO --lock @/"} {
		c.do(line).want(2, "is no regular file")
	}
	c.do("sync -f @/images TO --lock @/no/lock").want(4, "there is no folder")
}

func TestLockedRefusesWhatDoesNotFit(t *testing.T) {
	c := newListsSetup(t)
	const d = `"digest": "` + emptySHA256 + `"`
	image := `{"name": "x/a:1", ` + d + `}`
	c.writeList("FROM/team/web:latest\n")
	for lock, want := range map[string]string{
		"":                                       "unexpected end of JSON input",
		"null":                                   "the document is null",
		"{}":                                     "it has version 0, and this program reads version 1",
		`{"version": 2, "new": 1}`:               "it has version 2",
		`{"version": 1, "lines": [], "more": 1}`: `unknown field "more"`,
		`{"version": 1, "Lines": []}`:            `"Lines"`,
		`{"version": 1, "version": 1}`:           "comes twice",
		`{"version": "1"}`:                       "cannot unmarshal string",
		`{"version": 1, "lines": [{"source": "a", "images": []}]}`:                            `the line "a" is empty`,
		`{"version": 1, "lines": [{"images": [` + image + `]}]}`:                              `the line "" is empty`,
		`{"version": 1, "lines": [{"source": "a", "images": [` + image + `,` + image + `]}]}`: "twice",
		`{"version": 1, "lines": [{"source": "a", "images": [{"name": "x"}]}]}`:               `"x": `,
		`{"version": 1, "lines": []} {}`:                                                      "after top-level value",
		`{"version": 1, "lines": []}`:                                                         "line 1: " + c.source.host + "/team/web:latest is not in ",
	} {
		c.writeFile("lock", lock)
		o := c.do("sync -f @/images TO --locked @/lock").want(2, want, "write the lock again, with --lock")
		if strings.Count(o.stderr, "\n") != 2 {
			t.Errorf("%s: prints %s", lock, o.stderr)
		}
	}
	c.writeFile("lock", `{"version": 1, "lines": []}`)
	for line, want := range map[string]wantedError{
		"sync -f @/images TO --locked @/none":                     {4, "--locked: ", "with --lock in place of --locked writes it"},
		"sync -f @/images TO --locked @/lock --lock @/lock":       {2, "cannot be used together", "--lock writes a lock"},
		"sync -f @/images TO --locked @/lock --prune":             {2, "--prune and --locked cannot", "--prune removes"},
		"sync -f @/images TO --lock @/lock --referrers":           {2, "a lock has no referrers", "leave out --referrers"},
		"save -f @/images -o @/x.tar --locked @/lock --referrers": {2, "a lock has no referrers", "leave out --referrers"},
		"save FROM/team/web:latest -o @/x.tar --locked @/lock":    {2, "/team/web:latest is not in ", "write the lock again"},
	} {
		c.do(line).wantError(want)
	}
	if n := c.source.Count("") + c.target.Count(""); n != 0 {
		t.Errorf("%d calls", n)
	}
}
