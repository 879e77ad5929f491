package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/inspect"
	"github.com/hczjl/transship/manifest"
)

// inspectImages returns the images that inspect --json prints, as NAME PLATFORMS each.
func (c *copySetup) inspectImages(line string) (images []string, found inspect.FileInspection) {
	c.t.Helper()
	o := c.do("inspect --json " + line).want(0)
	if err := json.Unmarshal([]byte(o.stdout), &found); err != nil {
		c.t.Fatalf("%s: %v\n%s", o.line, err, o.stdout)
	}
	for _, im := range found.Images {
		name, _ := strings.CutPrefix(im.Name, c.source.host+"/")
		images = append(images, name+" "+strings.Join(im.Platforms, ","))
	}
	return images, found
}

// A bundle, each way to name it, and a folder show their images.
func TestInspectListsTheImagesOfAFile(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushImage("src/repo", "other", "linux/arm64", "other")
	c.do("save -q -o @/x.tar SRC FROM/src/repo:other").want(0)
	c.do("save -q -o @/s.tar --split 4k SRC FROM/src/repo:other").want(0)
	c.do("save -q -o @/lay/ SRC FROM/src/repo:other").want(0)
	want := []string{"src/repo:1.6 linux/amd64,linux/arm/v7,linux/arm64", "src/repo:other linux/arm64"}
	for _, arg := range []string{"@/x.tar", "@/s.tar", "@/s.tar.001", "@/lay", "@/lay/", "oci:@/lay", "oci-archive:@/x.tar",
		"@/x.tar.json", "@/s.tar.json"} {
		got, _ := c.inspectImages(arg)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("inspect %s (-want +got):\n%s", arg, diff)
		}
	}
	if _, found := c.inspectImages("@/s.tar.json"); len(found.Volumes) < 2 {
		t.Errorf("volumes %v", found.Volumes)
	}
	golden(t, "inspect-bundle.txt", c.do("inspect @/x.tar").want(0).stdout,
		c.source.host, "registry.test:1", c.path("x.tar"), "x.tar")
	c.removeFile("x.tar")
	if got, _ := c.inspectImages("@/x.tar.json"); !cmp.Equal(got, []string{"src/repo:1.6 ", "src/repo:other "}) {
		t.Errorf("the inventory alone has %q", got)
	}
	c.do("inspect @/x.tar").wantError(wantedError{4, "x.tar: file does not exist", ""})
}

func TestInspectShowsWhatABundleBuildsOn(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushImage("src/repo", "other", "linux/arm64", "shared", "new")
	c.do("save -q -o @/mon.tar SRC").want(0)
	c.do("save -q -o @/tue.tar --since @/mon.tar.json FROM/src/repo:other").want(0)
	_, found := c.inspectImages("@/tue.tar")
	if found.BuildsOn != "mon.tar" || len(found.Images) != 1 || found.Images[0].InBase < int64(len("shared")) {
		t.Errorf("got %+v", found)
	}
	o := c.do("inspect @/tue.tar").want(0)
	for _, text := range []string{"Builds on:  mon.tar", "BUILDS ON", "mon.tar ("} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("%s\nprints no %q:\n%s", o.line, text, o.stdout)
		}
	}
}

// A flag that shows one image takes a file with one image, and no other.
func TestInspectShowsTheOneImageOfAFile(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.do("save -q -o @/one.tar SRC").want(0)
	raw := c.do("inspect --raw SRC").stdout
	if got := c.do("inspect --raw @/one.tar").want(0).stdout; got != raw {
		t.Errorf("prints %s", got)
	}
	c.source.pushImage("src/repo", "other", "linux/arm64", "other")
	c.do("save -q -o @/two.tar SRC FROM/src/repo:other").want(0)
	c.do("inspect --raw @/two.tar").want(2, "src/repo:other")
}

// What only looks like a folder is an image of a registry; a file that is none says so.
func TestInspectOfWhatIsNoFile(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.writeFile("text.tar", "this is no archive")
	c.writeFile("folder/notes.txt", "x")
	c.writeFile("x.json", `{"version":1,`)
	c.writeFile("other.json", `[]`)
	c.writeFile("empty.tar", "")
	for _, command := range []string{"inspect", "digest"} {
		c.run(command, "").want(2, "invalid reference")
		c.run(command, "/").want(7)
	}
	for line, code := range map[string]int{"@/text.tar": 7, "@/folder/": 7, "@/x.json": 7, "@/other.json": 7, "@/empty.tar": 7,
		"@/none.tar": 4, "@/none.json": 4, "@/none/": 4, "none.tar": 4, "oci:@/folder": 7, "oci-archive:@/none.tar": 4,
		"registry.example.com/": 2, "docker://monday.tar": 2, "monday.tar:1.6": 4} {
		c.do("inspect " + line).want(code)
	}
}

// An incomplete image is marked, and its whole platforms are shown.
func TestInspectMarksIncompleteImagesOfAFile(t *testing.T) {
	t.Parallel()
	c := newIncompleteSetup(t)
	got, found := c.inspectImages("@/part.tar")
	if len(got) == 0 || !found.Images[0].Incomplete || !strings.HasSuffix(got[0], " linux/amd64") {
		t.Errorf("got %q, %+v", got, found)
	}
	c.removeBlob("part", blob.FromBytes([]byte("for amd64")))
	c.do("inspect @/part/").want(0)
}

// digest prints of each place what the registry says of the tag.
func TestDigestOfFiles(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	want := c.do("digest SRC").want(0).stdout
	arm := string(blob.FromBytes([]byte(c.do("inspect --raw --platform linux/arm64 SRC").stdout))) + "\n"
	c.do("save -q -o @/one.tar SRC").want(0)
	c.do("copy -q SRC oci:@/lay:1").want(0)
	for _, arg := range []string{"SRC", "@/one.tar", "oci-archive:@/one.tar", "@/lay/", "oci:@/lay:1",
		"@/lay@" + strings.TrimSpace(want), "@/one.tar@" + strings.TrimSpace(want)} {
		c.do("inspect " + arg).want(0)
		if o := c.do("digest " + arg).want(0); o.stdout != want {
			t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
		}
		if o := c.do("digest --platform linux/arm64 " + arg).want(0); o.stdout != arm {
			t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, arm)
		}
	}
	c.source.pushImage("src/repo", "other", "linux/arm64", "other")
	c.do("save -q -o @/two.tar SRC FROM/src/repo:other").want(0)
	for line, code := range map[string]int{"@/two.tar": 2, "-": 2, "@/none.tar": 4, "monday.tar": 4, "oci:@/none": 4,
		"--platform linux/s390x SRC": 4, "--platform linux/s390x @/one.tar": 4, "--platform linux,windows SRC": 2, "null:": 2} {
		if o := c.do("digest " + line).want(code); o.stdout != "" {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
}

// --platform means the image for it, also below an index in the index.
func TestInspectChoosesPlatform(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	images := map[string]manifest.Descriptor{}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		d := c.source.pushImage("nested", strings.ReplaceAll(platform, "/", "-"), platform, platform)
		p, err := manifest.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		d.Platform = &p
		images[platform] = d
	}
	inner := c.source.pushList("nested", "inner", images["linux/arm64"])
	inner.Platform = images["linux/arm64"].Platform
	c.source.pushList("nested", "outer", inner, images["linux/amd64"])
	for platform, want := range images {
		for _, arg := range []string{"FROM/nested:outer", "FROM/nested:" + strings.ReplaceAll(platform, "/", "-")} {
			o := c.do("inspect --raw --platform " + platform + " " + arg).want(0)
			if got := blob.FromBytes([]byte(o.stdout)); got != want.Digest {
				t.Errorf("%s\nprints %s, want %s", o.line, got, want.Digest)
			}
		}
	}
	for _, arg := range []string{"FROM/nested:outer", "FROM/nested:inner", "FROM/nested:linux-arm64"} {
		c.do("inspect --platform linux/s390x " + arg).wantError(wantedError{4, "no image for platform linux/s390x", ""})
	}
}
