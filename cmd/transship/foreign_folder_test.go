package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// linkTo puts a symbolic link to the folder @/victim, or to a file in it, into the program's home.
func (p *program) linkTo(target, name string) {
	p.t.Helper()
	path := p.path(name)
	if err := os.RemoveAll(path); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Symlink(p.path(target), path); err != nil {
		p.t.Skip(err) // Windows allows it to few users
	}
}

// A foreign layout whose .transship/tmp is a link leads no command to the files behind it.
func TestCommandsRefuseLinkInLayout(t *testing.T) {
	for _, line := range []string{
		"copy null:64KiB:1 oci:@/lay:v1", "copy --plan null:64KiB:1 oci:@/lay:v1", "copy oci:@/lay:v0 null:",
		"save -q -o @/lay/ SRC", "load @/lay TO", "verify @/lay",
		"serve @/lay", "serve --writable @/lay",
		"images", "prune", "rmi x", "pull SRC", "push SRC", "tag x y",
	} {
		c := newCopySetup(t)
		c.do("copy -q null:64KiB:2 oci:@/lay:v0").want(0)
		c.env["TRANSSHIP_STORE"] = c.path("lay")
		c.writeFile("victim/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "data")
		c.writeFile("victim/a/b", "data")
		c.linkTo("victim", "lay/.transship/tmp")
		c.do(line).want(cli.ExitIntegrity, c.path("lay/.transship/tmp")+": it is a symbolic link, not a folder")
		if got := fileNames(t, c.path("victim")); !slices.Equal(got, []string{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "a"}) {
			t.Errorf("%s\nleaves %v", line, got)
		}
	}
}

// A link in the place of an unfinished bundle is refused, and its target keeps its files.
func TestSaveRefusesLinkAsPartial(t *testing.T) {
	c := newCopySetup(t)
	c.writeFile("victim/lock", "")
	c.writeFile("victim/plan", "data")
	c.writeFile("victim/notes", "data")
	c.linkTo("victim", "x.tar.partial")
	for _, line := range []string{"save -o @/x.tar SRC", "copy SRC oci-archive:@/x.tar", "copy --plan SRC oci-archive:@/x.tar"} {
		c.do(line).want(cli.ExitIntegrity, c.path("x.tar.partial")+": it is a symbolic link, not a folder")
		if got := fileNames(t, c.path("victim")); !slices.Equal(got, []string{"lock", "notes", "plan"}) {
			t.Errorf("%s\nleaves %v", line, got)
		}
	}
}

// Commands that only read the store remove nothing from it and create none.
func TestReadingCommandsLeaveStoreAlone(t *testing.T) {
	c := newCopySetup(t)
	c.env["TRANSSHIP_STORE"] = c.path("none")
	c.do("images").want(0)
	c.do("push SRC").want(cli.ExitNotFound, "no such image in the local store")
	if got := fileNames(t, c.path("")); slices.Contains(got, "none") {
		t.Error("a store was created")
	}
	c.env["TRANSSHIP_STORE"] = c.path("store")
	c.do("pull -q SRC").want(0)
	left := c.writeFile("store/.transship/tmp/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "half")
	if err := os.RemoveAll(c.path("store/.transship/repositories")); err != nil {
		t.Fatal(err)
	}
	if o := c.do("images").want(0); !strings.Contains(o.stdout, "linux/amd64") {
		t.Errorf("without links it prints\n%s", o.stdout)
	}
	c.do("push SRC").want(0)
	if got := fileNames(t, c.path("store/.transship")); slices.Contains(got, "repositories") {
		t.Error("links were written")
	}
	if _, err := os.Stat(left); err != nil {
		t.Error(err)
	}
	c.do("prune").want(0)
	if got := fileNames(t, filepath.Dir(left)); len(got) > 0 {
		t.Errorf("prune leaves %v", got)
	}
}
