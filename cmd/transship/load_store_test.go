package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// load -i, and load of standard input, put the images into the local store, as docker load does.
func TestLoadIntoStore(t *testing.T) {
	for _, line := range []string{"load -i @/x.tar", "image load --input=@/x.tar -q", "load", "load -i @/lay"} {
		s, c := startServer(t), newCopySetup(t)
		list := s.pushThreePlatforms()
		s.pushImage("src/one", "latest", "linux/amd64", "one")
		repo := s.host + "/src/repo:1.6"
		c.run("save", "-q", "-o", c.path("x.tar"), repo, s.host+"/src/one").want(0)
		c.run("save", "-q", "-o", c.path("lay")+"/", repo, s.host+"/src/one").want(0)
		content, err := os.ReadFile(c.path("x.tar"))
		c.must(err)
		c.stdin = string(content)
		o := c.do(line).want(0)
		// A folder has its images in the order in which they were complete.
		lines := strings.SplitAfter(o.stdout, "\n")
		slices.Sort(lines)
		want := "Loaded image: " + s.host + "/src/one:latest\nLoaded image: " + repo + "\n"
		if strings.Join(lines, "") != want {
			t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
		}
		if rows := c.imageRows(repo); len(rows) != 1 || rows[0].Digest != list.Digest || len(rows[0].Platforms) != 3 {
			t.Errorf("%s: the store has %v", line, rows)
		}
		c.checkStore()
		c.run("push", "-q", repo).want(0)
	}
}

func TestLoadIntoStoreOnePlatform(t *testing.T) {
	s, c := startServer(t), newCopySetup(t)
	s.pushThreePlatforms()
	repo := s.host + "/src/repo:1.6"
	c.run("save", "-q", "-o", c.path("x.tar"), repo).want(0)
	c.do("load -i @/x.tar --platform linux/arm64").want(0)
	if rows := c.imageRows(repo); len(rows) != 1 || strings.Join(rows[0].Platforms, " ") != "linux/arm64" {
		t.Errorf("the store has %v", rows)
	}
	c.do("load -i @/x.tar --platform linux/s390x").wantError(wantedError{4, "linux/s390x", ""})
}

// An image without a name is there by its id, and can be given one.
func TestLoadIntoStoreWithoutName(t *testing.T) {
	s, c := startServer(t), newCopySetup(t)
	d := s.pushImage("x", "1", "linux/amd64", "x")
	c.run("copy", "-q", s.host+"/x:1", "oci:"+c.path("lay")+"@"+string(d.Digest)).want(0)
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`, d.MediaType, d.Digest, d.Size)
	c.must(os.WriteFile(filepath.Join(c.path("lay"), "index.json"), []byte(index), 0o600))
	o := c.do("load -i @/lay").want(0)
	if want := "Loaded image ID: " + string(d.Digest) + "\n"; o.stdout != want {
		t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
	}
	if o := c.run("images", "--format", "{{.Repository}}:{{.Tag}}").want(0); o.stdout != "<none>:<none>\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.run("tag", d.Digest.Hex()[:12], "y:1").want(0)
	if rows := c.imageRows("y:1"); len(rows) != 1 || rows[0].Digest != d.Digest {
		t.Errorf("the store has %v", rows)
	}
	c.checkStore()
}

func TestLoadIntoStoreBadInput(t *testing.T) {
	s, c := startServer(t), newCopySetup(t)
	s.pushThreePlatforms()
	c.run("save", "-q", "-o", c.path("x.tar"), s.host+"/src/repo:1.6").want(0)
	c.writeFile("text", "no tar")
	for line, want := range map[string]wantedError{
		"load @/x.tar":                  {2, "REGISTRY is missing", "load -i "},
		"load -i @/none":                {4, "none", ""},
		"load -i @/text":                {7, "", "is no tar"},
		"load -i @/x.tar -i @/x.tar":    {2, "is given twice", "--input"},
		"load -i @/x.tar --rewrite a=b": {2, "--rewrite needs a REGISTRY", "transship tag"},
		"load -i @/x.tar alpine":        {2, `"alpine" does not begin with a registry's host`, ""},
	} {
		o := c.do(line).want(want.code, want.message)
		if o.stdout != "" || len(c.imageRows()) > 0 {
			t.Errorf("%s\nprints %s, and the store has %v", o.line, o.stdout, c.imageRows())
		}
	}
	c.do("load -i @/x.tar " + s.host + "/m").want(0)
	if !s.has("m/src/repo", "1.6") {
		t.Error("load -i FILE REGISTRY has pushed nothing")
	}
	c.do("load -i @/x.tar --plan").want(0)
	if len(c.imageRows()) > 0 {
		t.Error("--plan has loaded an image")
	}
	c.stdinTerminal = true
	c.do("load").wantError(wantedError{2, "standard input is a terminal", "docker save IMAGE | transship load"})
}
