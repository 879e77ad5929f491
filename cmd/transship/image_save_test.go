package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/layout"
)

// save writes to standard output unless -o names a file, as docker save does: the same bytes.
func TestSaveToStandardOutput(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/x.tar SRC").want(0)
	want, err := os.ReadFile(c.path("x.tar"))
	c.must(err)
	if o := c.do("save SRC").want(0); o.stdout != string(want) {
		t.Errorf("%s\nwrites %d bytes, want %d", o.line, len(o.stdout), len(want))
	}
	c.run("pull", "-q", c.src).want(0)
	if o := c.do("image save SRC").want(0, "saved 1 image to standard output"); o.stdout != string(want) {
		t.Errorf("%s\nwrites %d bytes, want %d", o.line, len(o.stdout), len(want))
	}
}

// image save takes what docker save takes: names, repositories and ids of the local store.
func TestImageSave(t *testing.T) {
	s, c := startServer(t), newCopySetup(t)
	list := s.pushThreePlatforms()
	s.pushImage("src/repo", "2", "linux/amd64", "two")
	c.run("pull", "-q", "-a", s.host+"/src/repo").want(0)
	for _, tag := range []string{"1.6", "2"} {
		c.run("tag", s.host+"/src/repo:"+tag, "only/here:"+tag).want(0)
	}
	s.Handler = startServer(t).Handler // nothing comes from a registry
	id := list.Digest.Hex()[:12]
	for line, want := range map[string]string{
		"only/here:2":                          "docker.io/only/here:2",
		"only/here":                            "docker.io/only/here:1.6 docker.io/only/here:2",
		"only/here@" + string(list.Digest):     "docker.io/only/here@" + string(list.Digest),
		id:                                     "",
		"--platform linux/arm64 only/here:1.6": "docker.io/only/here:1.6",
	} {
		c.run(append([]string{"image", "save", "-q", "-o", c.path("x.tar")}, strings.Fields(line)...)...).want(0)
		if got := c.bundleNames("x.tar"); got != want {
			t.Errorf("%s: the bundle has %s", line, cmp.Diff(want, got))
		}
		c.run("verify", "-q", c.path("x.tar")).want(0)
		c.must(os.Remove(c.path("x.tar")))
	}
	for line, want := range map[string]wantedError{
		"image save none":        {4, "no such image in the local store: none", "transship images"},
		"image save only/here:3": {4, "no such image in the local store: only/here:3", "transship images"},
		"image save":             {2, "want IMAGE", "usage: transship image save"},
		"save -o @/x.tar HOST/x": {4, "", ""},
	} {
		line = strings.ReplaceAll(line, "HOST", s.host)
		if o := c.do(line).want(want.code, want.message, want.hint); o.stdout != "" {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	c.run("tag", "only/here:2", s.host+"/gone:1").want(0)
	c.do("save -o @/x.tar " + s.host + "/gone:1").
		wantError(wantedError{4, "gone", "the local store has " + s.host + "/gone:1: transship image save saves that one"})
	if o := c.do("image save --plan only/here:2").want(0); !strings.Contains(o.stdout, "only/here:2") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

// bundleNames returns the names of the images of a tar.
func (c *copySetup) bundleNames(file string) string {
	c.t.Helper()
	archive, err := layout.OpenArchive(c.path(file))
	c.must(err)
	defer archive.Close()
	var names []string
	for _, im := range archive.Images() {
		names = append(names, im.Name)
	}
	return strings.Join(names, " ")
}
