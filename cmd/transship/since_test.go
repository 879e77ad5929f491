package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
)

// newVersionsSetup returns a copySetup with three versions of a list, tagged v1, v2 and v3. c.src
// is their reference without the digit.
func newVersionsSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	for i, layers := range []string{"one", "two", "two three"} {
		entry := c.source.pushImage("src/repo", "", "linux/amd64",
			append([]string{"shared"}, strings.Fields(layers)...)...)
		c.source.pushList("src/repo", fmt.Sprint("v", i+1), entry)
	}
	c.src = c.source.host + "/src/repo:v"
	return c
}

// bundleLayers returns which of the known layers a bundle contains itself.
func bundleLayers(t testing.TB, path string) string {
	t.Helper()
	a, err := layout.OpenArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var out []string
	for _, layer := range []string{"shared", "one", "two", "three", "for amd64"} {
		if a.Has(blob.FromBytes([]byte(layer))) {
			out = append(out, layer)
		}
	}
	return strings.Join(out, " ")
}

// A bundle contains what is new since its base, in whichever form the base is named.
func TestSaveSince(t *testing.T) {
	t.Parallel()
	c := newVersionsSetup(t)
	c.do("save -o @/1.tar SRC1").want(0, "blobs: 3 fetched")
	c.do("save -o @/whole.tar --split 1k SRC1").want(0)
	c.source.ResetRequests()
	for i, since := range []string{
		"@/1.tar", "@/1.tar.json", "@/whole.tar", "@/whole.tar.001", "@/whole.tar.json", "oci-archive:@/1.tar", "docker://SRC1",
	} {
		name := fmt.Sprintf("2-%d.tar", i)
		c.do("save -o @/"+name+" --since "+since+" SRC2").want(0, "blobs: 1 fetched")
		if got := bundleLayers(t, c.path(name)); got != "two" {
			t.Errorf("since %s there is %q in it", since, got)
		}
		c.verifySound(c.path(name))
	}
	if n := c.source.Count("^GET .*/blobs/"); n != 7 {
		t.Errorf("%d blobs were fetched, want the new one seven times", n)
	}
	o := c.do("verify @/2-1.tar").want(0)
	if !strings.HasSuffix(o.stdout, "; it builds on 1.tar\n") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.do("copy oci-archive:@/2-1.tar TO/of/bundle:2").want(0) // 1.tar is beside it
	c.do("verify --deep TO/of/bundle:2").want(0)
	// The third bundle is based on the second, whose own base has the rest.
	c.do("save -o @/3.tar --since @/2-1.tar.json SRC3").want(0, "blobs: 1 fetched")
	if got := bundleLayers(t, c.path("3.tar")); got != "three" {
		t.Errorf("in the third there is %q", got)
	}
	in, err := layout.ReadInventory(c.path("3.tar"))
	if err != nil || in.Base == nil || in.Base.File != "2-1.tar" || len(in.Missing()) != 3 {
		t.Errorf("the third builds on %+v, lacks %v, error %v", in.Base, in.Missing(), err)
	}
	// Without new blobs a bundle has only manifests.
	c.do("save -o @/same.tar --since @/1.tar SRC1").want(0, "no blobs")
	c.do("save -o - --since @/1.tar SRC2").want(0)
	if o := c.do("save -q -o - --since @/1.tar.json SRC2").want(0); o.stdout != readFile(t, c.path("2-1.tar")) {
		t.Error("standard output got other bytes")
	}
}

// --since REGISTRY leaves out what the registry has where load would put the images.
func TestSaveSinceRegistry(t *testing.T) {
	t.Parallel()
	c := newVersionsSetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("load @/1.tar TO/mirror").want(0)
	c.target.ResetRequests()
	c.do("save -o @/2.tar --since docker://TO/mirror SRC2").want(0, "blobs: 1 fetched")
	if got := bundleLayers(t, c.path("2.tar")); got != "two" {
		t.Errorf("there is %q in it", got)
	}
	if n := c.target.Count("^(GET|PUT|POST)"); n != 0 {
		t.Errorf("the registry was asked for more than HEAD, %d times", n)
	}
	c.target.ResetRequests()
	c.do("save -o @/same.tar --since docker://TO/mirror SRC1").want(0, "no blobs")
	if n := c.target.Count(""); n != 1 {
		t.Errorf("%d calls to find that the image is there, want one", n)
	}
	c.do("save -o @/other.tar --since docker://TO/elsewhere SRC2").want(0, "blobs: 3 fetched") // nothing is there
	c.verifySound(c.path("other.tar"))
	c.do("load @/2.tar TO/mirror").want(0)
	c.do("verify --deep TO/mirror/src/repo:v2").want(0)
}

// A registry that is down or denies access is not taken for an empty one.
func TestSaveSinceRegistryErrors(t *testing.T) {
	c := newVersionsSetup(t)
	guarded := listen(t, requirePassword(c.target))
	c.do("save -o @/1.tar --since docker://" + guarded + " SRC1").
		wantError(wantedError{3, "401 Unauthorized", "transship login " + guarded})
	c.do("save -o @/1.tar --since docker://" + unusedAddress(t) + " SRC1").
		wantError(wantedError{5, "connection refused", "nothing listens there"})
	c.target.Set(registry.Rule{Match: "^HEAD", Status: 500})
	c.do("save -o @/1.tar --since docker://TO SRC1").wantError(wantedError{1, "500 Internal Server Error", " failed, not the image"})
	if got := fileNames(t, c.path("")); len(got) != 0 {
		t.Errorf("there is %v", got)
	}
	c.target.Set(registry.Rule{Match: "^HEAD .*/manifests/", Times: 1,
		Status: 403}) // some registries answer 403 for what does not exist
	c.source.pushImage("other", "1", "linux/amd64", "other")
	c.do("save -o @/1.tar --since docker://TO SRC1 FROM/other:1").want(0, "saved 2 images")
}

func TestSaveSinceErrors(t *testing.T) {
	c := newVersionsSetup(t)
	c.writeFile("text", "x")
	c.writeFile("doc.json", `{"x":1}`)
	c.do("save -o @/1.tar SRC1").want(0)
	c.writeFile("newer.json", strings.Replace(readFile(t, c.path("1.tar.json")), `"version":1`, `"version":3`, 1))
	c.writeFile("cut.json", readFile(t, c.path("1.tar.json"))[:200])
	for since, want := range map[string]wantedError{
		"@/text":     {7, "--since: neither a bundle nor an inventory; write a registry as docker://HOST: ", ""},
		"@/none":     {4, "--since: neither a bundle nor an inventory; write a registry as docker://HOST: ", ""},
		"@/doc.json": {7, "--since: neither a bundle nor an inventory; write a registry as docker://HOST: ", ""},
		"@/newer.json": {1, "newer.json: the inventory cannot be used: unknown version 3",
			"use the transship that wrote it"},
		"@/cut.json":            {7, "cut.json: the inventory cannot be used: ", "transfer the file again"},
		"docker://TO:x/y":       {2, "is not the host of a registry", ""},
		"docker://TO/none:1":    {4, "--since: ", "check the name"},
		"docker://TO/none@x:1":  {2, "--since: ", ""},
		"oci-archive:@/1.tar:1": {2, "--since: ", ""},
	} {
		c.do("save -o @/2.tar --since "+since+" SRC2").want(want.code, want.message, want.hint)
	}
	if got := fileNames(t, c.path("")); slices.ContainsFunc(got,
		func(name string) bool { return strings.HasPrefix(name, "2.tar") }) {
		t.Errorf("there is %v", got)
	}
}

// Blobs in another repository of the registry are left out too, and mounted from there.
func TestSaveSinceFindsOtherRepositories(t *testing.T) {
	c := newVersionsSetup(t)
	c.source.pushImage("other", "1", "linux/amd64", "shared", "for the other")
	c.do("save -q -o @/1.tar SRC1").want(0)
	c.do("load -q @/1.tar TO/p").want(0)
	c.do("save -q -o @/2.tar --since docker://TO/p SRC2 FROM/other:1").want(0)
	if got := bundleLayers(t, c.path("2.tar")); got != "two" {
		t.Errorf("there is %q in it", got)
	}
	c.target.ResetRequests()
	c.do("load -q @/2.tar TO/p FROM/other:1").want(0)
	if n := c.target.Count("^POST .*from=p%2Fsrc%2Frepo&mount="); n == 0 {
		t.Error("nothing was mounted")
	}
	c.do("verify -q --deep TO/p/other:1").want(0)
}
