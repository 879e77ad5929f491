package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/mirror"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// newSyncSetup returns a copySetup whose source also has app with four tags, and tool:2.
func newSyncSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	for _, tag := range []string{"v1.9", "v1.10", "v2.0", "latest"} {
		c.source.pushImage("app", tag, "linux/amd64", "app", tag)
	}
	c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool")
	return c
}

// writeList writes the file "images" for sync -f. FROM, TO and @/ in it are replaced as in do.
func (c *copySetup) writeList(text string) {
	c.t.Helper()
	c.writeFile("images", strings.NewReplacer("FROM", c.source.host, "TO", c.target.host, "@/",
		c.path("")+"/").Replace(text))
}

// tagNames returns the tags of a repository, sorted by name.
func (s *server) tagNames(repo string) string {
	s.t.Helper()
	o := newProgram(s.t).run("tags", s.host+"/"+repo)
	names := strings.Fields(o.stdout)
	slices.Sort(names)
	return strings.Join(names, " ")
}

// syncReport parses the output of sync --json.
func (o result) syncReport() mirror.SyncReport {
	o.t.Helper()
	var out mirror.SyncReport
	if err := json.Unmarshal([]byte(o.stdout), &out); err != nil {
		o.t.Errorf("%s\nprints no report: %v\n%s", o.line, err, o.stdout)
	}
	return out
}

func TestSync(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	digest := string(c.source.pushThreePlatforms().Digest)
	for i, test := range []struct{ list, dst, want string }{ // want is what the target has, by repository
		{"FROM/src/repo:1.6 TO/N/repo", "", "repo: 1.6"},
		{"# all\nFROM/app TO/N/app # of them\n", "", "app: latest v1.10 v1.9 v2.0"},
		{"FROM/app:v1.* TO/N/app", "", "app: v1.10 v1.9"},
		{"FROM/app:v1.9 TO/N/app:old TO/N/app TO/N/other:1", "", "app: old v1.9, other: 1"},
		{"FROM/app:v1.9\r\nFROM/tool\r\n", "TO/N", "app: v1.9, tool: 2"},
		{"FROM/tool:2 TO/N/x\nFROM/app:latest", "docker://TO/N/", "x: 2, app: latest"},
		{"FROM/src/repo@" + digest + " TO/N/pinned:1\nFROM/src/repo:1.6@" + digest + " TO/N/both", "",
			"pinned: 1, both: 1.6"},
		{`["FROM/tool:2", {"source": "FROM/app:v*", "targets": ["TO/N/app", "TO/N/again"], "latest": 2}]`, "TO/N",
			"tool: 2, app: v1.10 v2.0, again: v1.10 v2.0"},
		{"docker://FROM/tool:2 docker://TO/N/tool", "", "tool: 2"},
	} {
		n := fmt.Sprint("n", i)
		c.writeList(strings.ReplaceAll(test.list, "/N/", "/"+n+"/"))
		line := "sync -f @/images " + strings.ReplaceAll(test.dst, "/N", "/"+n)
		o := c.do(line).want(0, "synced ")
		for want := range strings.SplitSeq(test.want, ", ") {
			repo, tags, _ := strings.Cut(want, ": ")
			if got := c.target.tagNames(n + "/" + repo); got != tags {
				t.Errorf("%s\nleaves in %s %q, want %q", test.list, repo, got, tags)
			}
		}
		if got, want := strings.Count(o.stdout, "\n"), len(strings.Fields(test.want))-strings.Count(test.want,
			": "); got != want {
			t.Errorf("%s\nprints %d images, want %d:\n%s", test.list, got, want, o.stdout)
		}
		c.stdin = readFile(t, c.path("images"))
		if o := c.do(strings.Replace(line, "@/images", "-", 1)).want(0, " unchanged; "); o.stdout != "" {
			t.Errorf("%s\nprints the second time %s", test.list, o.stdout)
		}
	}
	if got := c.do("digest TO/n6/both:1.6").stdout; got != digest+"\n" {
		t.Errorf("the pinned image is %s", got)
	}
}

// --latest, or latest of a line, selects the highest versions where a line means several tags.
func TestSyncLatest(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList(`["FROM/app", {"source": "FROM/app:v*", "targets": ["TO/three"], "latest": 3}, "FROM/tool:2"]`)
	c.do("sync -f @/images --latest 1 TO/one").want(0)
	if got := c.target.tagNames("one/app") + ", " + c.target.tagNames("three") + ", " +
		c.target.tagNames("one/tool"); got != "v2.0, v1.10 v1.9 v2.0, 2" {
		t.Errorf("the targets have %s", got)
	}
	c.source.pushImage("words", "latest", "linux/amd64", "x")
	c.writeList("FROM/words TO/words")
	c.do("sync -f @/images --latest 1").
		want(4, "failed: line 1: "+c.source.host+"/words: ", " has no tag that is a version")
}

// An unchanged sync sends one HEAD for each image to each side, and nothing else but the list of
// tags.
func TestUnchangedSyncSendsOneHeadPerImage(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/app TO/app\nFROM/tool:2 TO/tool TO/other/tool\nFROM/src/repo@" +
		string(c.source.pushThreePlatforms().Digest) + " TO/repo\nFROM/tool:2 oci:@/lay\n")
	c.do("sync -f @/images").want(0, "synced 8 images: 8 copied; ")
	c.source.ResetRequests()
	c.target.ResetRequests()
	c.do("sync -f @/images").want(0, "synced 8 images: 8 unchanged; no blobs")
	for _, side := range []struct {
		*server
		heads, lists int
	}{{c.source, 6, 1}, {c.target, 7, 0}} {
		heads, lists, all := side.Count("^HEAD .*/manifests/"), side.Count("^GET .*/tags/list"), side.Count("/v2/.+")
		if heads != side.heads || lists != side.lists || all != heads+lists {
			t.Errorf("%d calls, %d HEADs and %d lists; want %d and %d", all, heads, lists, side.heads, side.lists)
		}
	}
}

// A line with several targets reads each blob of the source once.
func TestSyncToSeveralTargets(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/src/repo:1.6 TO/a TO/b:2 oci:@/lay oci:@/other:3\n")
	o := c.do("sync -f @/images").want(0, "synced 4 images: 4 copied")
	if n := c.source.Count("^GET .*/blobs/"); n != 7 {
		t.Errorf("%d blobs were read, want each once", n)
	}
	digest := "@" + string(c.source.pushThreePlatforms().Digest) + "\n"
	want := []string{c.target.host + "/a:1.6", c.target.host + "/b:2", "oci:" + c.path("lay") + ":" + c.src,
		"oci:" + c.path("other") + ":3"}
	slices.Sort(want)
	got := strings.Split(strings.TrimSuffix(o.stdout, digest), digest)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	c.verifySound(c.path("lay"))
	for line := range strings.Lines(o.stdout) {
		c.run("copy", strings.TrimSpace(line), c.target.host+"/copied:1").want(0)
	}
}

// A layout or tar as a source stands for all its images. A layout is a valid target.
func TestSyncOfFiles(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	c.writeList("FROM/app\nFROM/src/repo:1.6 oci:@/lay:dst/repo:2\n")
	c.do("sync -f @/images oci:@/lay").want(0)
	want := []string{"dst/repo:2"}
	for _, tag := range []string{"latest", "v1.10", "v1.9", "v2.0"} {
		want = append(want, c.source.host+"/app:"+tag)
	}
	slices.Sort(want)
	if got := imageNames(t, c.path("lay")); !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	c.do("save -q -o @/x.tar oci:@/lay").want(0)
	c.writeList("oci-archive:@/x.tar\noci:@/lay:dst/repo:2 TO/single\noci:@/lay TO/all\n")
	c.do("sync -f @/images TO/p").want(0)
	if got := c.target.tagNames("p/app") + ", " + c.target.tagNames("p/dst/repo") + ", " + c.target.tagNames("single") +
		", " + c.target.tagNames("all"); got != "latest v1.10 v1.9 v2.0, 2, 2, 2 latest v1.10 v1.9 v2.0" {
		t.Errorf("the target has %s", got)
	}
	c.do("copy SRC oci:@/bare:1").want(0)
	setBareTags(t, c.path("bare"), "3.18")
	c.writeList("oci:@/bare TO/tagged\noci:@/bare oci:@/again\n")
	c.do("sync -f @/images").want(0)
	if got := c.target.tagNames("tagged"); got != "3.18" {
		t.Errorf("a mere tag became %s", got)
	}
	c.writeList("oci:@/bare\n")
	c.do("sync -f @/images TO").want(2, "has no name: write its DST after it")
}

func TestSyncPlatformsAndReferrers(t *testing.T) {
	c := newSyncSetup(t)
	list := c.source.pushThreePlatforms()
	sbom := c.source.pushSigned("src/repo", list)
	c.writeList("FROM/src/repo:1.6 TO/sub oci:@/sub\nFROM/src/repo@" + string(list.Digest) + " TO/pinned\n")
	for range 2 {
		c.do("sync -f @/images --platform linux/arm64,linux/amd64").want(0)
	}
	digest := strings.TrimSpace(c.do("digest TO/sub:1.6").stdout)
	if digest == string(list.Digest) || !c.target.has("pinned", digest) ||
		imagesIn(t, c.path("sub"))[c.src] != blob.Digest(digest) {
		t.Errorf("the part is %s, and in the layout %v", digest, imagesIn(t, c.path("sub")))
	}
	c.writeList("FROM/src/repo:1.6 TO/signed oci:@/signed\n")
	c.do("sync -f @/images --referrers").want(0)
	if !c.target.has("signed", string(sbom.Digest)) || !c.target.has("signed", cosignTag(list)) ||
		len(imagesIn(t, c.path("signed"))) != 3 {
		t.Errorf("in the layout is %v", slices.Collect(maps.Keys(imagesIn(t, c.path("signed")))))
	}
}

func TestSyncReport(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/app:v1.9 TO/app TO/other\n\nFROM/app:none TO/app\nFROM/tool:2 TO/tool\n")
	c.do("copy FROM/tool:2 TO/tool:2").want(0)
	got := c.do("sync -q --json -f @/images").want(8).syncReport()
	digest := c.source.pushImage("app", "v1.9", "linux/amd64", "app", "v1.9").Digest
	want := mirror.SyncReport{Copied: 2, Unchanged: 1, Failed: 1, Images: []mirror.SyncResult{
		{Line: 1, Source: c.source.host + "/app:v1.9", Target: c.target.host + "/app:v1.9", Status: mirror.SyncCopied,
			Digest: digest},
		{Line: 1, Source: c.source.host + "/app:v1.9", Target: c.target.host + "/other:v1.9", Status: mirror.SyncCopied,
			Digest: digest},
		{Line: 3, Source: c.source.host + "/app:none", Target: c.target.host + "/app:none", Status: mirror.SyncFailed},
		{Line: 4, Source: c.source.host + "/tool:2", Target: c.target.host + "/tool:2", Status: mirror.SyncUnchanged,
			Digest: c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool").Digest},
	}}
	for i := range want.Images {
		if im := &want.Images[i]; im.Digest != "" {
			im.Reference, im.MediaType, im.Size = im.Target+"@"+string(im.Digest), manifest.MediaTypeDockerManifest, 725
		}
	}
	if len(got.Images) > 2 {
		want.Images[2].Failure = cli.Failure{Error: got.Images[2].Error, ExitCode: 4, Hint: got.Images[2].Hint}
	}
	want.Failure = cli.Failure{Error: "1 of 4 failed", ExitCode: 8, Hint: got.Hint}
	want.Seconds, want.Bytes, want.Manifests, want.Blobs = got.Seconds, got.Bytes, got.Manifests, got.Blobs
	if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(got.Images[2].Error, "404 Not Found") ||
		strings.Contains(got.Images[2].Error, "\n") {
		t.Error(diff, got.Images[2].Error)
	}
	c.writeList("FROM/tool:2 TO/tool\n")
	if got := c.do("sync --json -f @/images").want(0).syncReport(); !got.OK || got.Unchanged != 1 {
		t.Errorf("got %+v", got)
	}
	if o := c.do("sync -q -f @/images").want(0); o.stdout != "" || o.stderr != "" {
		t.Errorf("%s\nprints %q%q", o.line, o.stdout, o.stderr)
	}
	c.source.Set(registry.Rule{Status: 404})
	if o := c.do("sync -f @/images --json").want(4); o.syncReport().
		Images == nil || strings.Contains(o.stdout, "null") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}
