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
	"github.com/hczjl/transship/cmd/transship/internal/mirror"
	"github.com/hczjl/transship/distribution/registry"
)

// fleet is a voyage whose source has several repositories with several tags.
func fleet(t testing.TB) *voyage {
	t.Helper()
	v := newVoyage(t)
	for _, tag := range []string{"v1.9", "v1.10", "v2.0", "latest"} {
		v.source.image("app", tag, "linux/amd64", "app", tag)
	}
	v.source.image("tool", "2", "linux/amd64", "shared", "tool")
	return v
}

// lines writes a list, in which FROM, TO and @/ stand for what they stand for in command lines.
func (v *voyage) lines(text string) {
	v.t.Helper()
	v.write("images", strings.NewReplacer("FROM", v.source.host, "TO", v.target.host, "@/", v.path("")+"/").Replace(text))
}

// tags are the tags of a repository, sorted.
func (s *server) tags(repo string) string {
	s.t.Helper()
	o := newProgram(s.t).run("tags", s.host+"/"+repo)
	return strings.Join(strings.Fields(o.stdout), " ")
}

// report is what sync --json prints.
func (o outcome) report() mirror.SyncReport {
	o.t.Helper()
	var out mirror.SyncReport
	if err := json.Unmarshal([]byte(o.stdout), &out); err != nil {
		o.t.Errorf("%s\nprints no report: %v\n%s", o.line, err, o.stdout)
	}
	return out
}

func TestSync(t *testing.T) {
	t.Parallel()
	v := fleet(t)
	halo := string(v.source.halo().Digest)
	for i, test := range []struct{ list, dst, want string }{ // want is what the target has, by repository
		{"FROM/halohub/halo:1.6 TO/N/halo", "", "halo: 1.6"},
		{"# all\nFROM/app TO/N/app # of them\n", "", "app: latest v1.10 v1.9 v2.0"},
		{"FROM/app:v1.* TO/N/app", "", "app: v1.10 v1.9"},
		{"FROM/app:v1.9 TO/N/app:old TO/N/app TO/N/other:1", "", "app: old v1.9, other: 1"},
		{"FROM/app:v1.9\r\nFROM/tool\r\n", "TO/N", "app: v1.9, tool: 2"},
		{"FROM/tool:2 TO/N/x\nFROM/app:latest", "docker://TO/N/", "x: 2, app: latest"},
		{"FROM/halohub/halo@" + halo + " TO/N/pinned:1\nFROM/halohub/halo:1.6@" + halo + " TO/N/both", "", "pinned: 1, both: 1.6"},
		{`["FROM/tool:2", {"source": "FROM/app:v*", "targets": ["TO/N/app", "TO/N/again"], "latest": 2}]`, "TO/N", "tool: 2, app: v1.10 v2.0, again: v1.10 v2.0"},
		{"docker://FROM/tool:2 docker://TO/N/tool", "", "tool: 2"},
	} {
		n := fmt.Sprint("n", i)
		v.lines(strings.ReplaceAll(test.list, "/N/", "/"+n+"/"))
		line := "sync -f @/images " + strings.ReplaceAll(test.dst, "/N", "/"+n)
		o := v.do(line).want(0, "synced ")
		for want := range strings.SplitSeq(test.want, ", ") {
			repo, tags, _ := strings.Cut(want, ": ")
			if got := v.target.tags(n + "/" + repo); got != tags {
				t.Errorf("%s\nleaves in %s %q, want %q", test.list, repo, got, tags)
			}
		}
		if got, want := strings.Count(o.stdout, "\n"), len(strings.Fields(test.want))-strings.Count(test.want, ": "); got != want {
			t.Errorf("%s\nprints %d images, want %d:\n%s", test.list, got, want, o.stdout)
		}
		v.stdin = content(t, v.path("images"))
		if o := v.do(strings.Replace(line, "@/images", "-", 1)).want(0, " unchanged; "); o.stdout != "" {
			t.Errorf("%s\nprints the second time %s", test.list, o.stdout)
		}
	}
	if got := v.do("digest TO/n6/both:1.6").stdout; got != halo+"\n" {
		t.Errorf("the pinned image is %s", got)
	}
}

// The highest versions are for lines that mean several tags, by the flag or by the line.
func TestSyncLatest(t *testing.T) {
	v := fleet(t)
	v.lines(`["FROM/app", {"source": "FROM/app:v*", "targets": ["TO/three"], "latest": 3}, "FROM/tool:2"]`)
	v.do("sync -f @/images --latest 1 TO/one").want(0)
	if got := v.target.tags("one/app") + ", " + v.target.tags("three") + ", " + v.target.tags("one/tool"); got != "v2.0, v1.10 v1.9 v2.0, 2" {
		t.Errorf("the targets have %s", got)
	}
	v.source.image("words", "latest", "linux/amd64", "x")
	v.lines("FROM/words TO/words")
	v.do("sync -f @/images --latest 1").want(8, "failed: line 1: "+v.source.host+"/words: ", " has no tag that is a version")
}

// A sync that finds nothing to do asks for each image once on each side, and for nothing else.
func TestSyncAgain(t *testing.T) {
	v := fleet(t)
	v.lines("FROM/app TO/app\nFROM/tool:2 TO/tool TO/other/tool\nFROM/halohub/halo@" + string(v.source.halo().Digest) + " TO/halo\nFROM/tool:2 oci:@/lay\n")
	v.do("sync -f @/images").want(0, "synced 8 images: 8 copied; ")
	v.source.Forget()
	v.target.Forget()
	v.do("sync -f @/images").want(0, "synced 8 images: 8 unchanged; no blobs")
	for _, side := range []struct {
		*server
		heads, lists int
	}{{v.source, 6, 1}, {v.target, 7, 0}} {
		heads, lists, all := side.Count("^HEAD .*/manifests/"), side.Count("^GET .*/tags/list"), side.Count("/v2/.+")
		if heads != side.heads || lists != side.lists || all != heads+lists {
			t.Errorf("%d calls, %d HEADs and %d lists; want %d and %d", all, heads, lists, side.heads, side.lists)
		}
	}
}

// Several targets of a line get each blob by one reading of the source.
func TestSyncToSeveral(t *testing.T) {
	v := fleet(t)
	v.lines("FROM/halohub/halo:1.6 TO/a TO/b:2 oci:@/lay oci:@/other:3\n")
	o := v.do("sync -f @/images").want(0, "synced 4 images: 4 copied")
	if n := v.source.Count("^GET .*/blobs/"); n != 7 {
		t.Errorf("%d blobs were read, want each once", n)
	}
	digest := "@" + string(v.source.halo().Digest) + "\n"
	want := []string{v.target.host + "/a:1.6", v.target.host + "/b:2", "oci:" + v.path("lay") + ":" + v.src, "oci:" + v.path("other") + ":3"}
	slices.Sort(want)
	got := strings.Split(strings.TrimSuffix(o.stdout, digest), digest)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	v.sound(v.path("lay"))
	for line := range strings.Lines(o.stdout) {
		v.run("copy", strings.TrimSpace(line), v.target.host+"/copied:1").want(0)
	}
}

// A layout or tar is a source of all its images, and a layout is a target.
func TestSyncOfFiles(t *testing.T) {
	t.Parallel()
	v := fleet(t)
	v.lines("FROM/app\nFROM/halohub/halo:1.6 oci:@/lay:hczjl/halo:2\n")
	v.do("sync -f @/images oci:@/lay").want(0)
	want := []string{"hczjl/halo:2"}
	for _, tag := range []string{"latest", "v1.10", "v1.9", "v2.0"} {
		want = append(want, v.source.host+"/app:"+tag)
	}
	slices.Sort(want)
	if got := names(t, v.path("lay")); !slices.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	v.do("save -q -o @/x.tar oci:@/lay").want(0)
	v.lines("oci-archive:@/x.tar\noci:@/lay:hczjl/halo:2 TO/single\noci:@/lay TO/all\n")
	v.do("sync -f @/images TO/p").want(0)
	if got := v.target.tags("p/app") + ", " + v.target.tags("p/hczjl/halo") + ", " + v.target.tags("single") + ", " + v.target.tags("all"); got != "latest v1.10 v1.9 v2.0, 2, 2, 2 latest v1.10 v1.9 v2.0" {
		t.Errorf("the target has %s", got)
	}
	v.do("copy SRC oci:@/bare:1").want(0)
	retag(t, v.path("bare"), "3.18")
	v.lines("oci:@/bare TO/tagged\noci:@/bare oci:@/again\n")
	v.do("sync -f @/images").want(0)
	if got := v.target.tags("tagged"); got != "3.18" {
		t.Errorf("a mere tag became %s", got)
	}
	v.lines("oci:@/bare\n")
	v.do("sync -f @/images TO").want(8, "has no name to go by: write its DST behind it")
}

func TestSyncPlatformsAndReferrers(t *testing.T) {
	v := fleet(t)
	list := v.source.halo()
	sbom := v.source.signed("halohub/halo", list)
	v.lines("FROM/halohub/halo:1.6 TO/sub oci:@/sub\nFROM/halohub/halo@" + string(list.Digest) + " TO/pinned\n")
	for range 2 {
		v.do("sync -f @/images --platform linux/arm64,linux/amd64").want(0)
	}
	digest := strings.TrimSpace(v.do("digest TO/sub:1.6").stdout)
	if digest == string(list.Digest) || !v.target.has("pinned", digest) || held(t, v.path("sub"))[v.src] != blob.Digest(digest) {
		t.Errorf("the part is %s, and in the layout %v", digest, held(t, v.path("sub")))
	}
	v.lines("FROM/halohub/halo:1.6 TO/signed oci:@/signed\n")
	v.do("sync -f @/images --referrers").want(0)
	if !v.target.has("signed", string(sbom.Digest)) || !v.target.has("signed", cosignTag(list)) || len(held(t, v.path("signed"))) != 3 {
		t.Errorf("in the layout is %v", slices.Collect(maps.Keys(held(t, v.path("signed")))))
	}
}

func TestSyncReport(t *testing.T) {
	v := fleet(t)
	v.lines("FROM/app:v1.9 TO/app TO/other\n\nFROM/app:none TO/app\nFROM/tool:2 TO/tool\n")
	v.do("copy FROM/tool:2 TO/tool:2").want(0)
	got := v.do("sync -q --json -f @/images").want(8).report()
	digest := v.source.image("app", "v1.9", "linux/amd64", "app", "v1.9").Digest
	want := mirror.SyncReport{Copied: 2, Unchanged: 1, Failed: 1, Images: []mirror.SyncResult{
		{Line: 1, Source: v.source.host + "/app:v1.9", Target: v.target.host + "/app:v1.9", Status: mirror.SyncCopied, Digest: digest},
		{Line: 1, Source: v.source.host + "/app:v1.9", Target: v.target.host + "/other:v1.9", Status: mirror.SyncCopied, Digest: digest},
		{Line: 3, Source: v.source.host + "/app:none", Target: v.target.host + "/app:none", Status: mirror.SyncFailed},
		{Line: 4, Source: v.source.host + "/tool:2", Target: v.target.host + "/tool:2", Status: mirror.SyncUnchanged, Digest: v.source.image("tool", "2", "linux/amd64", "shared", "tool").Digest},
	}}
	want.Seconds = got.Seconds
	if len(got.Images) > 2 {
		want.Images[2].Error = got.Images[2].Error
	}
	if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(got.Images[2].Error, "404 Not Found") || strings.Contains(got.Images[2].Error, "\n") {
		t.Error(diff, got.Images[2].Error)
	}
	v.lines("FROM/tool:2 TO/tool\n")
	if got := v.do("sync --json -f @/images").want(0).report(); !got.OK || got.Unchanged != 1 {
		t.Errorf("got %+v", got)
	}
	if o := v.do("sync -q -f @/images").want(0); o.stdout != "" || o.stderr != "" {
		t.Errorf("%s\nprints %q%q", o.line, o.stdout, o.stderr)
	}
	v.source.Set(registry.Rule{Status: 404})
	if o := v.do("sync -f @/images --json").want(8); o.report().Images == nil || strings.Contains(o.stdout, "null") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}
