package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// Every image that cannot be saved is named with its line before anything is written.
func TestSaveReportsEveryBadImageBeforeItWrites(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/app:v1.9\nFROM/app:none\nFROM/tool:2 x:1\n\noci:@/no\nFROM/app:v9*\n")
	for _, out := range []string{"@/x.tar", "@/d/", "-"} {
		o := c.do("save -f @/images -o "+out).want(4, "failed: line 2: "+c.source.host+"/app:none: ",
			"failed: line 5: oci:", "failed: line 6: "+c.source.host+"/app:v9*: ", "3 of 5 failed, and nothing is written",
			"save the others with --keep-going")
		if o.stdout != "" || strings.Index(o.stderr, "line 2") > strings.Index(o.stderr, "line 5") {
			t.Errorf("%s\nprints %q and %s", o.line, o.stdout, o.stderr)
		}
		if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"images"}) {
			t.Errorf("there is %v", got)
		}
	}
	if n := c.source.Count("^GET .*/blobs/"); n != 0 {
		t.Errorf("%d blobs were read", n)
	}
	c.writeList("FROM/app:v1.9\nFROM/app:none\nFROM/app:none2\n")
	c.do("save -f @/images -o @/x.tar").want(4, "failed: line 2", "failed: line 3", "2 of 3 failed")
	c.writeList("FROM/app:v1.9\nFROM/app:none\n")
	c.do("save -f @/images -o @/x.tar").want(4, "transship save: line 2: ")
}

// --keep-going saves what can be saved, and repeats last what cannot.
func TestSaveKeepGoing(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/app:v1.9\nFROM/app:none\nFROM/tool:2\n")
	want := []string{c.source.host + "/app:v1.9", c.source.host + "/tool:2"}
	for _, out := range []string{"x.tar", "d/"} {
		o := c.do("save --keep-going -f @/images -o @/"+out).want(8, "saved 2 images to ", "1 of 3 failed")
		if got := imageNames(t, c.path(strings.TrimSuffix(out, "/"))); !slices.Equal(got, want) {
			t.Errorf("%s has %v", out, got)
		}
		if !strings.Contains(o.stderr[strings.Index(o.stderr, "saved 2 images"):], "failed: line 2: ") {
			t.Errorf("%s\nends with %s", o.line, o.stderr)
		}
	}
	c.do("verify @/x.tar").want(0)
	c.writeList("FROM/app:none\n")
	c.do("save --keep-going -f @/images -o @/y.tar").want(4, "line 1: ")
	c.do("save --keep-going -o @/y.tar FROM/app:none FROM/tool:2").want(8, "failed: "+c.source.host+"/app:none: ")
	if got := imageNames(t, c.path("y.tar")); !slices.Equal(got, want[1:]) {
		t.Errorf("there is %v", got)
	}
	c.source.Set(registry.Rule{Match: "^GET /v2/tool/blobs/", Status: 404})
	c.writeList("FROM/app:v1.9\nFROM/tool:2\n")
	c.do("save --keep-going -f @/images -o @/f/").want(8, "failed: line 2: ", "saved 1 image to ", "1 of 2 failed")
	c.do("save -f @/images -o @/g/").want(4)
}

// Saving to a folder again costs one HEAD for each image.
func TestSaveToAFolderAgainSendsOneHeadPerImage(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/app:v1.9\nFROM/tool:2\n")
	c.do("save -f @/images -o @/d/").want(0)
	c.source.ResetRequests()
	c.do("save -f @/images -o @/d/").want(0)
	if heads, all := c.source.Count("^HEAD .*/manifests/"), c.source.Count("/v2/.+"); heads != 2 || all != 2 {
		t.Errorf("calls: %v", c.source.Requests())
	}
}
