package main

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// newChainSetup returns newVersionsSetup with three bundles, each based on the one before.
func newChainSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newVersionsSetup(t)
	c.do("save -q -o @/1.tar SRC1").want(0)
	c.do("save -q -o @/2.tar --since @/1.tar.json SRC2").want(0)
	c.do("save -q -o @/3.tar --since @/2.tar.json SRC3").want(0)
	return c
}

// Loading a chain of bundles sends each blob once and keeps the source's digests.
func TestLoadChainOfBundles(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{"", "--rewrite src=mirror", "--rewrite src/repo=x/y/z", "--jobs 1"} {
		c := newChainSetup(t)
		for _, bundle := range []string{"1", "2", "3"} {
			c.do("load @/"+bundle+".tar TO/p "+flags).want(0, "loaded 1 image")
		}
		if n := c.target.Count("^POST"); n != 5 {
			t.Errorf("%q: %d blobs were asked for or sent, want those that the bundles have", flags, n)
		}
		if n := c.target.Count("^PUT .*/blobs/"); n != 5 {
			t.Errorf("%q: %d blobs were sent, want each once", flags, n)
		}
		repo := map[string]string{"--rewrite src=mirror": "p/mirror/repo", "--rewrite src/repo=x/y/z": "p/x/y/z"}[flags]
		if repo == "" {
			repo = "p/src/repo"
		}
		for _, version := range []string{"1", "2", "3"} {
			if got, want := c.do("digest TO/"+repo+":v"+version).stdout, c.do("digest SRC"+version).
				stdout; got != want {
				t.Errorf("%q: v%s has %s, want %s", flags, version, got, want)
			}
			c.do("verify -q --deep TO/" + repo + ":v" + version).want(0)
		}
	}
}

// A bundle without its base is refused before anything is pushed, and the error says what to load
// first.
func TestLoadWithoutBase(t *testing.T) {
	t.Parallel()
	c := newChainSetup(t)
	c.do("load @/2.tar TO/p").wantError(wantedError{4,
		"2.tar builds on 1.tar, and " + c.target.host + "/p lacks 2 blobs of that; the first is sha256:",
		"load 1.tar first, with --repair if it was loaded before; if it was made for another registry, save again without --since"})
	c.do("load @/3.tar TO/p").
		wantError(wantedError{4, "3.tar builds on 2.tar, and " + c.target.host + "/p lacks 3 blobs",
			"load 2.tar first"})
	c.do("load @/1.tar TO/elsewhere").want(0)
	c.target.ResetRequests()
	c.do("load @/2.tar TO/p").
		wantError(wantedError{4, "lacks 2 blobs", "load 1.tar first"}) // the base is below another prefix
	if n := c.target.Count("^(PUT|POST|PATCH)"); n != 0 {
		t.Errorf("%d calls that push", n)
	}
	c.do("load @/1.tar TO/p --rewrite src=mirror").want(0)
	c.do("load @/2.tar TO/p").
		wantError(wantedError{4, "lacks 2 blobs", "load 1.tar first"}) // the base was loaded under another name
	c.do("load @/2.tar TO/p --rewrite src=mirror").want(0)
	c.writeFile("cut/1.tar", "")
	c.do("save -o @/whole.tar --split 2k SRC1").want(0)
	c.do("save -o @/since-volumes.tar --since @/whole.tar.001 SRC2").want(0)
	c.do("load @/since-volumes.tar TO/q").
		wantError(wantedError{4, "builds on whole.tar, and ", "load whole.tar first"})
}

// Blobs of the base are taken from its repositories at the target, whether or not the registry
// mounts.
func TestLoadMountsFromBase(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]registry.Rule{
		"mounts":     {},
		"no mounts":  {Match: "mount=", DropQuery: []string{"mount", "from"}},
		"refuses it": {Match: "mount=.*from=", Status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			c := newVersionsSetup(t)
			c.do("save -q -o @/1.tar SRC1").want(0)
			c.writeFile("images", c.src+"2 other/name\n")
			c.do("save -q -o @/2.tar --since @/1.tar -f @/images").want(0)
			c.do("load @/1.tar TO/p").want(0)
			c.target.ResetRequests()
			c.target.Set(rule)
			c.do("load @/2.tar TO/p").want(0)
			if sent := c.target.Count("^PUT .*/blobs/"); name == "mounts" && sent != 1 {
				t.Errorf("%d blobs were sent, want the new one", sent)
			}
			c.target.Set()
			c.do("verify --deep TO/p/other/name:v2").want(0)
		})
	}
}

// A registry that is down or denies access is not taken for one that lacks the base.
func TestLoadBaseErrors(t *testing.T) {
	c := newChainSetup(t)
	guarded := listen(t, requirePassword(c.target))
	c.do("load @/2.tar " + guarded).wantError(wantedError{3, "401 Unauthorized", "transship login " + guarded})
	c.do("load @/2.tar " + unusedAddress(t)).wantError(wantedError{5, "connection refused", "nothing listens there"})
	c.target.Set(registry.Rule{Match: "^HEAD .*/blobs/", Status: 500})
	c.do("load @/2.tar TO").wantError(wantedError{1, "500 Internal Server Error", " failed, not the image"})
	c.target.Set()
	c.do("load --creds " + user + ":" + password + " @/1.tar " + guarded).want(0)
	c.do("load --creds " + user + ":" + password + " @/2.tar " + guarded).want(0)
	c.do("load --creds " + user + ":wrong @/3.tar " + guarded).
		wantError(wantedError{3, "401 Unauthorized", "check the user name"})
}

// Some registries answer 403 for what they do not have. Then load looks for the base in its other
// repositories.
func TestLoadBaseBehindDenial(t *testing.T) {
	c := newVersionsSetup(t)
	c.do("save -q -o @/1.tar SRC1").want(0)
	c.writeFile("images", c.src+"2 other/name\n")
	c.do("save -q -o @/2.tar --since @/1.tar -f @/images").want(0)
	c.do("load @/1.tar TO/p").want(0)
	c.target.Set(registry.Rule{Match: "^HEAD /v2/p/other/name/blobs/", Status: 403})
	c.do("load @/2.tar TO/p").want(0)
}

// load and verify name the volume that is damaged, truncated or missing.
func TestLoadDamagedVolumes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage func(c *copySetup)
		load   wantedError
	}{
		"missing": {func(c *copySetup) { c.removeFile("x.tar.002") },
			wantedError{7, "x.tar.002: this volume is missing", "put all volumes in one folder"}},
		"no inventory": {func(c *copySetup) { c.removeFile("x.tar.002"); c.removeFile("x.tar.json") },
			wantedError{7, "x.tar.002: this volume is missing", "put all volumes in one folder"}},
		"the first": {func(c *copySetup) { c.removeFile("x.tar.001") },
			wantedError{7, "x.tar.001: this volume is missing", "put all volumes in one folder"}},
		"the last": {func(c *copySetup) { c.removeFile("x.tar.006") },
			wantedError{7, "x.tar.006: this volume is missing", "put all volumes in one folder"}},
		"cut": {func(c *copySetup) { c.writeFile("x.tar.003", readFile(c.t, c.path("x.tar.003"))[:1000]) },
			wantedError{7, "x.tar.003: want 4096 bytes, got 1000", "put all volumes in one folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.do("save -q -o @/x.tar --split 4k SRC").want(0)
			if got := fileNames(t, c.path("")); len(got) != 7 {
				t.Fatalf("there is %v", got)
			}
			test.damage(c)
			c.do("load @/x.tar TO").wantError(test.load)
			c.do("verify @/x.tar").wantError(test.load)
			o := c.do("verify --json @/x.tar").want(7)
			if !strings.Contains(o.stdout, `"ok": false`) || !strings.Contains(o.stdout, test.load.message) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			if n := c.target.Count(""); n != 0 {
				t.Errorf("the registry was asked %d times", n)
			}
		})
	}
}

// A damaged layer of a bundle is not pushed, nor is the tag of its image.
func TestLoadDamagedBlob(t *testing.T) {
	c := newCopySetup(t)
	c.source.pushImage("tool", "2", "linux/amd64", "the only layer of the tool")
	c.do("save -q -o @/x.tar SRC FROM/tool:2").want(0)
	flipByte(t, c.path("x.tar"), strings.Index(readFile(t, c.path("x.tar")), "the only layer of the tool"))
	c.do("load @/x.tar TO").want(8, "failed: "+c.target.host+"/tool:2: ", ": want sha256:")
	if !c.target.has("src/repo", "1.6") || c.target.has("tool", "2") {
		t.Error("the wrong image has arrived")
	}
	c.do("load @/x.tar TO FROM/tool:2").wantError(wantedError{7, ": want sha256:", "transfer the file again"})
}
