package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// setRefNames gives the entries of a layout these ref.names, in turn, and no other annotation. "" is
// no annotation at all; "keep" leaves an entry as it is.
func (c *copySetup) setRefNames(dir string, names ...string) {
	c.t.Helper()
	path := filepath.Join(c.path(dir), "index.json")
	var ix struct {
		SchemaVersion int                   `json:"schemaVersion"`
		Manifests     []manifest.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal([]byte(readFile(c.t, path)), &ix); err != nil {
		c.t.Fatal(err)
	}
	if len(ix.Manifests) != len(names) {
		c.t.Fatalf("%s has %d entries, not %d", dir, len(ix.Manifests), len(names))
	}
	for i, name := range names {
		switch name {
		case "keep":
		case "":
			ix.Manifests[i].Annotations = nil
		default:
			ix.Manifests[i].Annotations = map[string]string{"org.opencontainers.image.ref.name": name}
		}
	}
	raw, err := json.Marshal(ix)
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err == nil {
		err = os.RemoveAll(c.path(dir + "/.transship"))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.tarFolder(dir)
}

// newNamesSetup returns a copySetup with the folder lay and the tar lay.tar of three images: those of
// SRC and of FROM/tool:2 and :3, with the given ref.names.
func newNamesSetup(t testing.TB, names ...string) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	c.source.pushImage("tool", "2", "linux/amd64", "two")
	c.source.pushImage("tool", "3", "linux/arm64", "three")
	c.do("copy -q SRC oci:@/lay:quay.io/x/app:1").want(0)
	c.do("copy -q FROM/tool:2 oci:@/lay:quay.io/x/app:2").want(0)
	c.do("copy -q FROM/tool:3 oci:@/lay:quay.io/x/app:3").want(0)
	c.setRefNames("lay", names...)
	return c
}

// A repository on the command line is that of images which have only a tag, as skopeo, oras, crane,
// regctl and buildx write them.
func TestLoadNamesImagesThatHaveOnlyATag(t *testing.T) {
	t.Parallel()
	c := newNamesSetup(t, "keep", "v2", "RC3")
	for _, from := range []string{"lay", "lay.tar"} {
		o := c.do("load @/"+from+" TO/p/"+from).want(0, "loaded 3 images")
		want := []string{"p/" + from + "/x/app:1", "p/" + from + ":RC3", "p/" + from + ":v2"}
		if diff := cmp.Diff(want, c.loadedImages(o)); diff != "" {
			t.Errorf("%s\n%s", o.line, diff)
		}
		c.do("load @/"+from+" TO/one v2").want(0, "loaded 1 image")
	}
	c.do("load @/lay docker.io/app v2 --allow-host none.example").want(9, "docker.io/v2/library/app/")
	// Without a repository what has a name is pushed, and the others are named.
	o := c.do("load @/lay TO").want(8, "failed: v2: image sha256:", "has no name, only the tag RC3", "2 of 3 failed")
	if got := c.loadedImages(o); !slices.Equal(got, []string{"x/app:1"}) {
		t.Errorf("%s\nloads %v", o.line, got)
	}
	c.setRefNames("lay", "v1", "v2", "v3")
	c.do("load @/lay TO").want(2, "3 of 3 failed", "hint: name its repository: transship load ")
	c.setRefNames("lay", "v1", "v1", "v3")
	c.do("load @/lay TO/clash").wantError(wantedError{2, "would become " + c.target.host + "/clash:v1", ""})
}

// One image without a tag is pushed by its digest. Of several the registry would keep none.
func TestLoadImagesWithoutTags(t *testing.T) {
	t.Parallel()
	c := newNamesSetup(t, "", "v2", "v3")
	o := c.do("load @/lay TO/app").want(0, "loaded 3 images")
	if !strings.Contains(o.stdout, c.target.host+"/app@sha256:") || !strings.Contains(o.stdout, "/app:v2@sha256:") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.setRefNames("lay", "", "", "v3")
	o = c.do("load @/lay TO/other").want(8, "has no name", "2 of 3 failed")
	if got := c.target.tagNames("other"); got != "v3" {
		t.Errorf("%s\nloads %s", o.line, got)
	}
}

// A name that is none is no error where the target has one.
func TestInvalidRepoTags(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	config := `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["` +
		string(blob.FromBytes([]byte("layer"))) + `"]}}`
	c.writeFile("bad.tar", makeTar(t, "c.json", config, "l.tar", "layer",
		"manifest.json", `[{"Config":"c.json","RepoTags":["BadName/App:x"],"Layers":["l.tar"]}]`))
	c.do("copy docker-archive:@/bad.tar TO/copied:1").want(0)
	c.do("copy docker-archive:@/bad.tar:BadName/App:x TO/copied:2").want(0)
	c.do("load @/bad.tar TO/loaded").want(0)
	c.do("load @/bad.tar TO").wantError(wantedError{2, "has no name, only the tag x", "transship load "})
	for _, ref := range []string{"copied:1", "copied:2", "loaded:x"} {
		c.do("verify --deep TO/" + ref).want(0)
	}
}

// What refers to an image is never the one image of a folder or tar that is meant without a name.
func TestReferrersAreNotTheOneImage(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	image := c.source.pushImage("app", "1", "linux/amd64", "x")
	sbom := c.source.pushReferrer("app", image, "application/spdx+json")
	list := c.source.pushList("app", strings.Replace(string(image.Digest), ":", "-", 1), sbom)
	byDigest := "FROM/app@" + string(list.Digest)
	c.do("copy -q " + byDigest + " oci:@/lay:fallback").want(0)
	c.do("copy -q FROM/app@" + string(sbom.Digest) + " oci:@/lay:sbom").want(0)
	fallback := strings.Replace(string(image.Digest), ":", "-", 1)
	c.setRefNames("lay", fallback, "")
	for _, from := range []string{"oci:@/lay", "oci-archive:@/lay.tar"} {
		c.do("copy " + from + " TO/none:1").
			wantError(wantedError{4, "has no image, only what refers to one: " + fallback, "to mean one of these, name it"})
		c.do("copy " + from + ":" + fallback + " TO/named:1").want(0)
	}
	c.do("copy -q FROM/app:1 oci:@/lay:app").want(0)
	c.setRefNames("lay", fallback, "", "")
	for _, from := range []string{"oci:@/lay", "oci-archive:@/lay.tar"} {
		o := c.do("copy " + from + " TO/one:1").want(0)
		if !strings.Contains(o.stdout, string(image.Digest)) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
}
