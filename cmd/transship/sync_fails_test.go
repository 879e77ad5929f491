package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// A list is read completely before any call, and errors in it name their line.
func TestSyncListErrors(t *testing.T) {
	c := newSyncSetup(t)
	for list, want := range map[string]wantedError{
		"FROM/app TO/app\n\nFROM/app:1:2 TO/app": {2, "images: line 3: invalid reference", ""},
		"FROM/app TO/app:1":                      {2, "images: line 1: one tag cannot name several images", ""},
		"FROM/app:v* TO/app:1":                   {2, "images: line 1: one tag cannot name several images", ""},
		"FROM/app oci:@/lay:1": {2, "images: line 1: one name cannot name several images",
			"leave it out"},
		"oci:@/lay oci:@/other:1": {2, "images: line 1: one name cannot name several images",
			"leave it out"},
		"FROM/app:v1.9 TO/app@" + emptySHA256: {2, "images: line 1: the new name has a digest", ""},
		"FROM/app:v1.9 TO/UP":                 {2, "images: line 1: invalid reference", ""},
		"FROM/app:v1.9 oci:@/lay:up/X":        {2, "images: line 1: invalid reference", ""},
		"FROM/app:v1.9 oci:@/lay:1@" + emptySHA256: {2, "images: line 1: the target has a tag and a digest",
			"give one of the two"},
		"FROM/app:v1.9 oci-archive:@/x.tar": {2, "x.tar is a tar, to which no images can be added",
			"transship save -f LIST"},
		"FROM/app:v1.9 dir:@/x": {2, "images: line 1: the transport dir: is not supported", "use docker://REF"},
		"FROM/app:v1.9":         {2, "/app:v1.9 has no DST", "give the command a DST for all lines"},
		"# nothing\n":           {2, "images names no image", "SRC [DST]"},
		`[{"source":"FROM/app:v1.9","latest":1}]`: {2, "images: line 1: latest selects among the tags of a repository",
			""},
		"[\"FROM/app\",\n{\"src\":\"x\"}]": {2, `images: line 2: unknown field "src"`, ""},
	} {
		c.writeList(list)
		c.do("sync -f @/images").wantError(want)
	}
	c.writeList("FROM/app TO/app")
	for line, want := range map[string]wantedError{
		"sync":                     {2, "-f LIST is missing", "SRC [DST]"},
		"sync a.example b.example": {2, "-f LIST is missing", "sync --all SRC-HOST"},
		"sync -f @/images a b":     {2, "a list has the sources, and the command takes one DST", "transship sync --all"},
		"sync -f @/none":           {4, "none: no such file or directory", ""},
		"sync -f @/":               {2, " is neither a file nor a pipe", ""},
		"sync -f @/images dst":     {2, "does not begin with a registry's host", "docker.io/dst"},
		"sync -f @/images TO/x:1":  {2, "is not the beginning of a repository's name", "team/app"},
		"sync -f @/images oci-archive:@/x.tar": {2, "x.tar is a tar, to which no images can be added",
			"transship save -f LIST"},
		"sync -f @/images oci:@/lay:1":       {2, "one name cannot name several images", "leave it out"},
		"sync -f @/images dir:x":             {2, "the transport dir: is not supported", "use docker://REF"},
		"sync -f @/images --latest 0":        {2, `--latest: "0" is not a whole number`, ""},
		"sync -f @/images --platform banana": {2, "--platform: invalid platform", ""},
	} {
		c.do(line).wantError(want)
	}
	c.stdin = "FROM/app:x:y"
	c.do("sync -f -").wantError(wantedError{2, "standard input: line 1: invalid reference", ""})
	c.stdin = ""
	c.do("sync -f - TO").wantError(wantedError{2, "standard input names no image", "SRC [DST]"})
	if n := c.source.Count("") + c.target.Count(""); n != 0 {
		t.Errorf("%d calls", n)
	}
	if got := fileNames(t, c.path("")); len(got) != 1 {
		t.Errorf("there is %v", got)
	}
}

// A failure does not stop the other images, and its message has the line, the image and the reason.
func TestSyncPartialFailure(t *testing.T) {
	c := newSyncSetup(t)
	down := unusedAddress(t)
	c.target.Set(registry.Rule{Match: "^POST /v2/denied/", Status: 403})
	c.writeList("FROM/none TO/a\nFROM/app:none TO/b\n" + down + "/x:1 TO/c\nFROM/tool:2 " + down +
		"/d TO/tool\nFROM/tool:2 TO/denied\noci:@/none TO/e\nFROM/app TO/app\n")
	o := c.do("sync -f @/images").want(8,
		"failed: line 1: "+c.source.host+"/none: ",
		"failed: line 2: "+c.source.host+"/app:none to "+c.target.host+"/b:none: ",
		"failed: line 3: "+down+"/x:1 to "+c.target.host+"/c:1: ",
		"failed: line 4: "+c.source.host+"/tool:2 to "+down+"/d:2: ",
		"failed: line 5: "+c.source.host+"/tool:2 to "+c.target.host+"/denied:2: ", "403 Forbidden",
		"failed: line 6: oci:"+c.path("none")+": ",
		"synced 5 images: 5 copied, 6 failed; ", "transship sync: 6 of 11 failed")
	if got := strings.Count(o.stdout, "\n"); got != 5 || c.target.tagNames("app") != "latest v1.10 v1.9 v2.0" ||
		!c.target.has("tool", "2") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	for _, repo := range []string{"a", "b", "c", "denied", "e"} {
		if o := newProgram(t).run("tags", c.target.host+"/"+repo); o.code == 0 && o.stdout != "" {
			t.Errorf("%s has %s", repo, o.stdout)
		}
	}
}

// Two images for one target are an error. The same image in two lines is copied once.
func TestSyncTargetConflicts(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/tool:2 TO/x:1\nFROM/tool:2 TO/x:1\nFROM/tool TO/x:1 \n")
	c.do("sync -f @/images").wantError(wantedError{2, "images: line 3: one tag cannot name several images", ""})
	c.writeList("FROM/tool:2 TO/x:1\nFROM/tool:2 TO/x:1\nFROM/tool:2 TO/x:1 TO/y:1\n")
	c.do("sync -f @/images").want(0, "synced 2 images: 2 copied; ")
	c.do("sync -f @/images --state @/state").want(0, "synced 2 images: 2 unchanged; ")
	c.do("sync -f @/images --state @/state").want(0, "synced 2 images: 2 unchanged; ")
	c.writeList("FROM/tool:2 TO/x:1\nFROM/app:v1.9 TO/x:1\n")
	for _, flags := range []string{"--jobs 1", "--jobs 1 --state @/state"} {
		c.do("sync -f @/images "+flags).
			want(8, "failed: line 2: "+c.source.host+"/app:v1.9 to "+c.target.host+"/x:1: "+c.source.host+
				"/tool:2 is copied there too", "1 of 2 failed")
	}
	if got, want := c.do("digest TO/x:1").stdout, c.do("digest FROM/tool:2").stdout; got != want {
		t.Errorf("the target has %s, want %s", got, want)
	}
	// Images of one name in two layouts conflict unless they have the same digest.
	c.do("copy FROM/tool:2 oci:@/one:dst/x:1").want(0)
	c.do("copy FROM/app:v1.9 oci:@/two:dst/x:1").want(0)
	c.do("copy FROM/tool:2 oci:@/three:dst/x:1").want(0)
	c.writeList("oci:@/one\noci:@/two\n")
	c.do("sync --jobs 1 -f @/images TO/p").want(8, "failed: line 2: dst/x:1 to ", "dst/x:1 is copied there too")
	c.writeList("oci:@/one\noci:@/three\n")
	c.do("sync -f @/images TO/q").want(0, "synced 1 image: 1 copied")
	// The same holds for bare tags. Images without a tag are named by their digests.
	setBareTags(t, c.path("one"), "7")
	setBareTags(t, c.path("two"), "7")
	c.writeList("oci:@/one\noci:@/two\n")
	c.do("sync -f @/images oci:@/lay").want(8, " is copied there too", "1 of 2 failed")
	setBareTags(t, c.path("one"), "no tag")
	setBareTags(t, c.path("two"), "no tag")
	c.do("sync -f @/images oci:@/nameless").want(0, "synced 2 images: 2 copied")
	c.do("sync -f @/images oci:@/nameless").want(0, "synced 2 images: 2 unchanged")
	if got := imagesIn(t, c.path("nameless")); len(got) != 2 {
		t.Errorf("the layout has %v", got)
	}
}

// --src-creds and --dst-creds are for the first source and the first target on a registry.
func TestSyncCredentials(t *testing.T) {
	c := newSyncSetup(t)
	guarded := listen(t, requirePassword(c.target))
	from := listen(t, requirePassword(c.source))
	c.do("save -q -o @/x.tar FROM/tool:2").want(0)
	c.writeList("oci-archive:@/x.tar oci:@/lay\n" + from + "/app:v1.9 " + guarded + "/app\nFROM/tool:2 TO/tool\n" +
		from + "/app:v2.0 " + guarded + "/app\n")
	creds := user + ":" + password
	c.run("sync", "-f", c.path("images"), "--src-creds", creds, "--dst-creds", creds).want(0)
	c.writeList(from + "/app " + guarded + "/all\n")
	c.run("sync", "-f", c.path("images"), "--src-creds", creds, "--dst-creds", creds, "--prune").want(0)
	c.writeList(c.source.host + "/tool:2 TO/tool\n" + from + "/app:v1.9 " + guarded + "/app\n")
	c.run("sync", "-f", c.path("images"), "--src-creds", creds, "--dst-creds", creds).
		want(8, "failed: line 2: ", "401 Unauthorized")
}

func TestSyncInterrupted(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/app TO/app\nFROM/src/repo:1.6 TO/repo\n")
	ctx := c.ctx
	c.ctx = interruptedContext()
	if o := c.do("sync -f @/images --json").
		want(130); len(o.syncReport().Images) != 0 || strings.Contains(o.stdout, "null") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.ctx = ctx
	c.interruptOn(registry.Rule{Match: "^GET .*/blobs/", Skip: 2})
	o := c.do("sync --jobs 1 -f @/images --json")
	o.wantError(wantedError{130, "transship sync: interrupted", "no tag points at an incomplete image"})
	if report := o.syncReport(); report.OK || report.Failed != 0 {
		t.Errorf("the report is %+v", report)
	}
	for _, repo := range []string{"app", "repo"} {
		o := newProgram(t).run("tags", c.target.host+"/"+repo) // there may be no tags
		for tag := range strings.FieldsSeq(o.stdout) {
			newProgram(t).run("verify", "--deep", c.target.host+"/"+repo+":"+tag).want(0)
		}
	}
}

// Unchanged tags cost one HEAD each on both sides, also where they fill several pages.
func TestSyncOfManyTags(t *testing.T) {
	t.Parallel()
	const many = 1100 // more than a page of tags
	c := newCopySetup(t)
	c.source.pushImage("many", "first", "linux/amd64", "x")
	c.target.pushImage("many", "first", "linux/amd64", "x")
	raw := []byte(c.do("inspect --raw FROM/many:first").want(0).stdout)
	for i := range many - 1 {
		c.source.pushManifest("many", fmt.Sprint("v", i), raw)
		c.target.pushManifest("many", fmt.Sprint("v", i), raw)
	}
	c.writeList("FROM/many TO/many\n")
	c.source.ResetRequests()
	o := c.do("sync -f @/images").want(0, "synced 1100 images: 1100 unchanged; no blobs")
	if source, target := c.source.Count("^HEAD"), c.target.Count("^HEAD"); source != many || target != many ||
		c.source.Count("/v2/.+") != many+1 || c.target.Count("/v2/.+") != many {
		t.Errorf("%s\nmakes %d HEADs at the source, %d at the target", o.line, source, target)
	}
}
