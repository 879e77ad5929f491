package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// A bundle, a folder or an image in one of them is saved as an image on a registry is.
func TestSaveMerges(t *testing.T) {
	t.Parallel()
	v := newVoyage(t)
	list := v.source.halo()
	tool := v.source.image("tool", "2", "linux/amd64", "shared", "tool")
	v.do("save -o @/a.tar SRC").want(0)
	v.do("save -o @/lay/ FROM/tool:2").want(0)
	want := map[string]blob.Digest{v.src: list.Digest, v.source.host + "/tool:2": tool.Digest}
	v.source.Forget()
	v.do("save -o @/ab.tar oci-archive:@/a.tar oci:@/lay").want(0)
	if got := held(t, v.path("ab.tar")); !maps.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	v.do("save -o @/again.tar oci-archive:@/ab.tar docker-archive:@/a.tar:1.6 oci:@/lay:tool@" + string(tool.Digest)).want(0)
	v.write("images", "oci-archive:"+v.path("a.tar")+"\noci:"+v.path("lay")+":2 "+v.source.host+"/tool\n")
	v.do("save -o @/listed.tar -f @/images").want(0)
	for _, name := range []string{"again.tar", "listed.tar"} {
		if content(t, v.path(name)) != content(t, v.path("ab.tar")) {
			t.Errorf("%s is another bundle", name)
		}
	}
	if n := v.source.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	v.do("save -o @/c.tar oci-archive:@/a.tar:nope").complains(complaint{4, "there is no image nope; there is " + v.src, ""})
	v.do("save -o @/c.tar oci-archive:@/a.tar").want(0)
	if content(t, v.path("c.tar")) != content(t, v.path("a.tar")) {
		t.Error("a bundle that is saved again is another one")
	}
	v.do("save -o @/empty/ FROM/tool:2").want(0)
	v.write("empty/index.json", `{"schemaVersion":2,"manifests":[]}`)
	v.do("save -o @/c.tar oci:@/empty").complains(complaint{4, "empty: there is no image in it", ""})
}

// Two images cannot have one name, in a bundle or in a folder; one image may come twice.
func TestSaveNamesClash(t *testing.T) {
	v := newVoyage(t)
	v.source.image("halohub/halo", "1.7", "linux/amd64", "newer")
	repo := v.source.host + "/halohub/halo"
	for list, says := range map[string]string{
		repo + ":1.6 x:1\n" + repo + ":1.7 x:1":          "both " + repo + ":1.6 and " + repo + ":1.7 would be called x:1",
		repo + ":1.6 x:1 y:1\n" + repo + ":1.7 x:2 y:1":  "would be called y:1",
		repo + ":1.7\n" + repo + ":1.6 " + repo + ":1.7": "would be called " + repo + ":1.7",
	} {
		v.write("images", list)
		for _, out := range []string{"@/x.tar", "@/lay/", "-"} {
			v.do("save -f @/images -o " + out).complains(complaint{2, says, "what stands behind an image is its name"})
		}
	}
	if got := files(t, v.path("")); !slices.Equal(got, []string{"images"}) {
		t.Errorf("there is %v", got)
	}
	v.source.list("other/halo", "1", v.source.image("other/halo", "", "linux/amd64", "same"))
	v.source.list("third/halo", "1", v.source.image("third/halo", "", "linux/amd64", "same"))
	v.write("images", v.source.host+"/other/halo:1 x:1\n"+v.source.host+"/third/halo:1 x:1\n"+v.source.host+"/third/halo:1 x:1\n")
	v.do("save -f @/images -o @/x.tar").want(0, "saved 1 image to ")
	v.do("save -f @/images -o @/lay/").want(0)
	if got := names(t, v.path("lay")); !slices.Equal(got, []string{"x:1"}) {
		t.Errorf("the folder has %v", got)
	}
}

// A folder is added to, and what it has is not fetched again.
func TestSaveIntoAFolder(t *testing.T) {
	v := newVoyage(t)
	list := v.source.halo()
	repo, parts := "FROM/halohub/halo", v.source.parts("halohub/halo", "1.6")
	v.do("save -o @/lay/ SRC").want(0, "saved 1 image to "+v.path("lay")+"/: blobs: 7 fetched")
	v.source.image("tool", "2", "linux/amd64", "shared", "tool")
	v.source.Forget()
	v.do("save -o @/lay SRC FROM/tool:2 "+repo+"@"+string(parts["arm64"])).want(0, "saved 3 images to ")
	if n := v.source.Count("^GET .*/blobs/"); n != 1 {
		t.Errorf("%d blobs were fetched, want the one that is new", n)
	}
	want := []string{v.source.host + "/halohub/halo:1.6", v.source.host + "/halohub/halo@" + string(parts["arm64"]), v.source.host + "/tool:2"}
	if got := names(t, v.path("lay")); !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	v.sound(v.path("lay"))
	v.do("save -o @/sub/ --platform linux/arm64 " + repo + "@" + string(list.Digest)).want(0)
	if got := names(t, v.path("sub")); len(got) != 1 || strings.HasSuffix(got[0], string(list.Digest)) {
		t.Errorf("the folder has %v", got)
	}
	v.sound(v.path("sub"))
	v.write("other/notes.txt", "x")
	v.do("save -o @/other SRC").complains(complaint{1, "other: the folder has no oci-layout and is not empty: notes.txt", ""})
	v.do("save -o " + v.write("file", "x") + "/ SRC").complains(complaint{1, "not a directory", ""})
}

func TestSavePlatformsAndReferrers(t *testing.T) {
	t.Parallel()
	v := newVoyage(t)
	list := v.source.halo()
	sbom := v.source.signed("halohub/halo", list)
	repo := v.source.host + "/halohub/halo"
	v.do("save -o @/sub.tar --platform linux/arm64,linux/amd64 SRC FROM/halohub/halo@"+string(list.Digest)).want(0, "blobs: 5 fetched")
	got := held(t, v.path("sub.tar"))
	if digest := got[repo+":1.6"]; len(got) != 2 || digest == list.Digest || got[repo+"@"+string(digest)] != digest {
		t.Errorf("the bundle has %v", got)
	}
	v.sound(v.path("sub.tar"))
	want := []string{repo + ":" + cosignTag(list), repo + ":1.6", repo + "@" + string(sbom.Digest)}
	slices.Sort(want)
	for _, out := range []string{"all.tar", "lay/"} {
		v.do("save --referrers SRC -o @/" + out).want(0)
		if got := names(t, v.path(out)); !slices.Equal(got, want) {
			t.Errorf("%s: %s", out, cmp.Diff(want, got))
		}
		v.sound(v.path(out))
	}
	v.do("save -o @/none.tar SRC").want(0)
	if got := names(t, v.path("none.tar")); len(got) != 1 {
		t.Errorf("without --referrers there is %v", got)
	}
	v.write("images", v.src+" hczjl/halo:2\n")
	v.do("save --referrers -f @/images -o @/named.tar").want(0)
	if got := names(t, v.path("named.tar")); !slices.Contains(got, "hczjl/halo:2") || !slices.Contains(got, "hczjl/halo@"+string(sbom.Digest)) {
		t.Errorf("with another name there is %v", got)
	}
}
