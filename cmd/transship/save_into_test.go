package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// Bundles, folders and single images of them are sources of save, as images on registries are.
func TestSaveMergesLocalSources(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	tool := c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool")
	c.do("save -o @/a.tar SRC").want(0)
	c.do("save -o @/lay/ FROM/tool:2").want(0)
	want := map[string]blob.Digest{c.src: list.Digest, c.source.host + "/tool:2": tool.Digest}
	c.source.ResetRequests()
	c.do("save -o @/ab.tar oci-archive:@/a.tar oci:@/lay").want(0)
	if got := imagesIn(t, c.path("ab.tar")); !maps.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	c.do("save -o @/again.tar oci-archive:@/ab.tar docker-archive:@/a.tar:1.6 oci:@/lay:tool@" + string(tool.Digest)).
		want(0)
	c.writeFile("images", "oci-archive:"+c.path("a.tar")+"\noci:"+c.path("lay")+":2 "+c.source.host+"/tool\n")
	c.do("save -o @/listed.tar -f @/images").want(0)
	for _, name := range []string{"again.tar", "listed.tar"} {
		if readFile(t, c.path(name)) != readFile(t, c.path("ab.tar")) {
			t.Errorf("%s is another bundle", name)
		}
	}
	if n := c.source.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	c.do("save -o @/c.tar oci-archive:@/a.tar:nope").
		wantError(wantedError{4, "there is no image nope; there is " + c.src, ""})
	c.do("save -o @/c.tar oci-archive:@/a.tar").want(0)
	if readFile(t, c.path("c.tar")) != readFile(t, c.path("a.tar")) {
		t.Error("a bundle that is saved again is another one")
	}
	c.do("save -o @/empty/ FROM/tool:2").want(0)
	c.writeFile("empty/index.json", `{"schemaVersion":2,"manifests":[]}`)
	c.do("save -o @/c.tar oci:@/empty").wantError(wantedError{4, "empty has no images", ""})
}

// Two images with one name are refused, in a bundle and in a folder. The same image may come twice.
func TestSaveRefusesDuplicateNames(t *testing.T) {
	c := newCopySetup(t)
	c.source.pushImage("src/repo", "1.7", "linux/amd64", "newer")
	repo := c.source.host + "/src/repo"
	for list, says := range map[string]string{
		repo + ":1.6 x:1\n" + repo + ":1.7 x:1": "both " + repo + ":1.6 and " + repo +
			":1.7 would be called x:1",
		repo + ":1.6 x:1 y:1\n" + repo + ":1.7 x:2 y:1":  "would be called y:1",
		repo + ":1.7\n" + repo + ":1.6 " + repo + ":1.7": "would be called " + repo + ":1.7",
	} {
		c.writeFile("images", list)
		for _, out := range []string{"@/x.tar", "@/lay/", "-"} {
			c.do("save -f @/images -o " + out).
				wantError(wantedError{2, says, "write another name after one of them"})
		}
	}
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"images"}) {
		t.Errorf("there is %v", got)
	}
	c.source.pushList("other/repo", "1", c.source.pushImage("other/repo", "", "linux/amd64", "same"))
	c.source.pushList("third/repo", "1", c.source.pushImage("third/repo", "", "linux/amd64", "same"))
	c.writeFile("images", c.source.host+"/other/repo:1 x:1\n"+c.source.host+"/third/repo:1 x:1\n"+c.source.host+
		"/third/repo:1 x:1\n")
	c.do("save -f @/images -o @/x.tar").want(0, "saved 1 image to ")
	c.do("save -f @/images -o @/lay/").want(0)
	if got := imageNames(t, c.path("lay")); !slices.Equal(got, []string{"x:1"}) {
		t.Errorf("the folder has %v", got)
	}
}

// save adds to a folder, and does not fetch the blobs that it has.
func TestSaveIntoFolder(t *testing.T) {
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	repo, parts := "FROM/src/repo", c.source.platformDigests("src/repo", "1.6")
	c.do("save -o @/lay/ SRC").want(0, "saved 1 image to "+c.path("lay")+"/: blobs: 7 fetched")
	c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool")
	c.source.ResetRequests()
	c.do("save -o @/lay SRC FROM/tool:2 "+repo+"@"+string(parts["arm64"])).want(0, "saved 3 images to ")
	if n := c.source.Count("^GET .*/blobs/"); n != 1 {
		t.Errorf("%d blobs were fetched, want the one that is new", n)
	}
	want := []string{c.source.host + "/src/repo:1.6", c.source.host + "/src/repo@" + string(parts["arm64"]),
		c.source.host + "/tool:2"}
	if got := imageNames(t, c.path("lay")); !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	c.verifySound(c.path("lay"))
	c.do("save -o @/sub/ --platform linux/arm64 " + repo + "@" + string(list.Digest)).want(0)
	if got := imageNames(t, c.path("sub")); len(got) != 1 || strings.HasSuffix(got[0], string(list.Digest)) {
		t.Errorf("the folder has %v", got)
	}
	c.verifySound(c.path("sub"))
	c.writeFile("other/notes.txt", "x")
	c.do("save -o @/other SRC").
		wantError(wantedError{1, "other: the folder has no oci-layout and is not empty: notes.txt", ""})
	c.do("save -o " + c.writeFile("file", "x") + "/ SRC").wantError(wantedError{1, "not a directory", ""})
}

func TestSavePlatformsAndReferrers(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	sbom := c.source.pushSigned("src/repo", list)
	repo := c.source.host + "/src/repo"
	c.do("save -o @/sub.tar --platform linux/arm64,linux/amd64 SRC FROM/src/repo@"+string(list.Digest)).
		want(0, "blobs: 5 fetched")
	got := imagesIn(t, c.path("sub.tar"))
	if digest := got[repo+":1.6"]; len(got) != 2 || digest == list.Digest || got[repo+"@"+string(digest)] != digest {
		t.Errorf("the bundle has %v", got)
	}
	c.verifySound(c.path("sub.tar"))
	want := []string{repo + ":" + cosignTag(list), repo + ":1.6", repo + "@" + string(sbom.Digest)}
	slices.Sort(want)
	for _, out := range []string{"all.tar", "lay/"} {
		c.do("save --referrers SRC -o @/" + out).want(0)
		if got := imageNames(t, c.path(out)); !slices.Equal(got, want) {
			t.Errorf("%s: %s", out, cmp.Diff(want, got))
		}
		c.verifySound(c.path(out))
	}
	c.do("save -o @/none.tar SRC").want(0)
	if got := imageNames(t, c.path("none.tar")); len(got) != 1 {
		t.Errorf("without --referrers there is %v", got)
	}
	c.writeFile("images", c.src+" dst/repo:2\n")
	c.do("save --referrers -f @/images -o @/named.tar").want(0)
	if got := imageNames(t, c.path("named.tar")); !slices.Contains(got, "dst/repo:2") ||
		!slices.Contains(got, "dst/repo@"+string(sbom.Digest)) {
		t.Errorf("with another name there is %v", got)
	}
}
