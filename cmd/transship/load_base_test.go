package main

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// chain is a voyage with three bundles, each of which builds on the one before.
func chain(t testing.TB) *voyage {
	t.Helper()
	v := weeks(t)
	v.do("save -q -o @/1.tar SRC1").want(0)
	v.do("save -q -o @/2.tar --since @/1.tar.json SRC2").want(0)
	v.do("save -q -o @/3.tar --since @/2.tar.json SRC3").want(0)
	return v
}

// A chain of bundles arrives, blob by blob once, with the digests that the source has.
func TestLoadChain(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{"", "--rewrite halohub=mirror", "--rewrite halohub/halo=x/y/z", "--jobs 1"} {
		v := chain(t)
		for _, bundle := range []string{"1", "2", "3"} {
			v.do("load @/"+bundle+".tar TO/p "+flags).want(0, "loaded 1 image")
		}
		if n := v.target.Count("^POST"); n != 5 {
			t.Errorf("%q: %d blobs were asked for or sent, want those that the bundles have", flags, n)
		}
		if n := v.target.Count("^PUT .*/blobs/"); n != 5 {
			t.Errorf("%q: %d blobs were sent, want each once", flags, n)
		}
		repo := map[string]string{"--rewrite halohub=mirror": "p/mirror/halo", "--rewrite halohub/halo=x/y/z": "p/x/y/z"}[flags]
		if repo == "" {
			repo = "p/halohub/halo"
		}
		for _, week := range []string{"1", "2", "3"} {
			if got, want := v.do("digest TO/"+repo+":week"+week).stdout, v.do("digest SRC"+week).stdout; got != want {
				t.Errorf("%q: week %s has %s, want %s", flags, week, got, want)
			}
			v.do("verify -q --deep TO/" + repo + ":week" + week).want(0)
		}
	}
}

// Without its base a bundle is not loaded, not even in part, and it is said what to load first.
func TestLoadWithoutItsBase(t *testing.T) {
	t.Parallel()
	v := chain(t)
	v.do("load @/2.tar TO/p").complains(complaint{4,
		"2.tar builds on 1.tar, of which " + v.target.host + "/p lacks 2 blobs: sha256:", "load 1.tar first; if it was made for another registry, save again without --since"})
	v.do("load @/3.tar TO/p").complains(complaint{4, "3.tar builds on 2.tar, of which " + v.target.host + "/p lacks 3 blobs", "load 2.tar first"})
	v.do("load @/1.tar TO/elsewhere").want(0)
	v.target.Forget()
	v.do("load @/2.tar TO/p").complains(complaint{4, "lacks 2 blobs", "load 1.tar first"}) // the base is elsewhere
	if n := v.target.Count("^(PUT|POST|PATCH)"); n != 0 {
		t.Errorf("%d calls that push", n)
	}
	v.do("load @/1.tar TO/p --rewrite halohub=mirror").want(0)
	v.do("load @/2.tar TO/p").complains(complaint{4, "lacks 2 blobs", "load 1.tar first"}) // it is below another name
	v.do("load @/2.tar TO/p --rewrite halohub=mirror").want(0)
	v.write("cut/1.tar", "")
	v.do("save -o @/whole.tar --split 2k SRC1").want(0)
	v.do("save -o @/since-volumes.tar --since @/whole.tar.001 SRC2").want(0)
	v.do("load @/since-volumes.tar TO/q").complains(complaint{4, "builds on whole.tar, of which", "load whole.tar first"})
}

// Blobs come from the repositories where the base has them, be it that the registry mounts them or not.
func TestLoadTakesFromTheBase(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]registry.Rule{
		"mounts":     {},
		"no mounts":  {On: "mount=", DropQuery: []string{"mount", "from"}},
		"refuses it": {On: "mount=.*from=", Status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			v := weeks(t)
			v.do("save -q -o @/1.tar SRC1").want(0)
			v.write("images", v.src+"2 other/name\n")
			v.do("save -q -o @/2.tar --since @/1.tar -f @/images").want(0)
			v.do("load @/1.tar TO/p").want(0)
			v.target.Forget()
			v.target.Set(rule)
			v.do("load @/2.tar TO/p").want(0)
			if sent := v.target.Count("^PUT .*/blobs/"); name == "mounts" && sent != 1 {
				t.Errorf("%d blobs were sent, want the new one", sent)
			}
			v.target.Set()
			v.do("verify --deep TO/p/other/name:week2").want(0)
		})
	}
}

// A registry that is down, or lets nobody look, is not one that lacks the base.
func TestLoadBaseThatCannotBeSeen(t *testing.T) {
	v := chain(t)
	guarded := listen(t, needsPassword(v.target))
	v.do("load @/2.tar " + guarded).complains(complaint{3, "401 Unauthorized", "transship login " + guarded})
	v.do("load @/2.tar " + nobody(t)).complains(complaint{5, "connection refused", "nothing listens there"})
	v.target.Set(registry.Rule{On: "^HEAD .*/blobs/", Status: 500})
	v.do("load @/2.tar TO").complains(complaint{1, "500 Internal Server Error", ""})
	v.target.Set()
	v.do("load --creds " + user + ":" + password + " @/1.tar " + guarded).want(0)
	v.do("load --creds " + user + ":" + password + " @/2.tar " + guarded).want(0)
	v.do("load --creds " + user + ":wrong @/3.tar " + guarded).complains(complaint{3, "401 Unauthorized", "check the user name"})
}

// Some registries deny what they do not have: then it is looked for where else the base may be.
func TestLoadBaseBehindADenial(t *testing.T) {
	v := weeks(t)
	v.do("save -q -o @/1.tar SRC1").want(0)
	v.write("images", v.src+"2 other/name\n")
	v.do("save -q -o @/2.tar --since @/1.tar -f @/images").want(0)
	v.do("load @/1.tar TO/p").want(0)
	v.target.Set(registry.Rule{On: "^HEAD /v2/p/other/name/blobs/", Status: 403})
	v.do("load @/2.tar TO/p").want(0)
}

// Volumes that are damaged, cut short or missing are named, by load as by verify.
func TestLoadDamagedVolumes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage func(v *voyage)
		load   complaint
	}{
		"missing":      {func(v *voyage) { v.remove("x.tar.002") }, complaint{7, "x.tar.002: this volume is missing", "have all volumes in one folder"}},
		"no inventory": {func(v *voyage) { v.remove("x.tar.002"); v.remove("x.tar.json") }, complaint{7, "x.tar.002: this volume is missing", "have all volumes in one folder"}},
		"the first":    {func(v *voyage) { v.remove("x.tar.001") }, complaint{7, "x.tar.001: this volume is missing", "have all volumes in one folder"}},
		"the last":     {func(v *voyage) { v.remove("x.tar.006") }, complaint{7, "x.tar.006: this volume is missing", "have all volumes in one folder"}},
		"cut":          {func(v *voyage) { v.write("x.tar.003", content(v.t, v.path("x.tar.003"))[:1000]) }, complaint{7, "x.tar.003: want 4096 bytes, got 1000", "have all volumes in one folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			v.do("save -q -o @/x.tar --split 4k SRC").want(0)
			if got := files(t, v.path("")); len(got) != 7 {
				t.Fatalf("there is %v", got)
			}
			test.damage(v)
			v.do("load @/x.tar TO").complains(test.load)
			v.do("verify @/x.tar").complains(test.load)
			o := v.do("verify --json @/x.tar").want(7)
			if !strings.Contains(o.stdout, `"ok": false`) || !strings.Contains(o.stdout, test.load.says) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			if n := v.target.Count(""); n != 0 {
				t.Errorf("the registry was asked %d times", n)
			}
		})
	}
}

// A layer that is damaged in the bundle does not get to the registry, and neither does a tag that needs it.
func TestLoadDamagedBlob(t *testing.T) {
	v := newVoyage(t)
	v.source.image("tool", "2", "linux/amd64", "the only layer of the tool")
	v.do("save -q -o @/x.tar SRC FROM/tool:2").want(0)
	flip(t, v.path("x.tar"), strings.Index(content(t, v.path("x.tar")), "the only layer of the tool"))
	v.do("load @/x.tar TO").want(8, "failed: "+v.target.host+"/tool:2: ", ": want sha256:")
	if !v.target.has("halohub/halo", "1.6") || v.target.has("tool", "2") {
		t.Error("the wrong image has arrived")
	}
	v.do("load @/x.tar TO FROM/tool:2").complains(complaint{7, ": want sha256:", "carry it over again"})
}
