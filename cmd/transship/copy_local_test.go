package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/distribution/registry"
)

// A copy through a layout or a tar keeps every byte, and the image has the name that the help
// documents.
func TestCopyThroughFilesKeepsBytes(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	src := c.source.host + "/src/repo"
	raw := c.do("inspect --raw SRC").stdout
	for i, test := range []struct{ to, name, printed string }{
		{"oci:@/lay", src + ":1.6", ":" + src + ":1.6"},
		{"oci:@/lay2:2", src + ":2", ":2"},
		{"oci:@/lay3:dst/repo", "dst/repo:latest", ":dst/repo"},
		{"oci:@/lay4:dst/repo:3", "dst/repo:3", ":dst/repo:3"},
		{"oci:@/lay5@" + string(list.Digest), src + "@" + string(list.Digest), ""},
		{"oci-archive:@/a.tar", src + ":1.6", ""},
		{"oci-archive:@/b.tar:2", src + ":2", ":2"},
		{"oci-archive:@/c.tar:x/y:3", "x/y:3", ":x/y:3"},
		{"docker-archive:@/d.tar:x/y", "x/y:latest", ":x/y"},
	} {
		o := c.do("copy SRC "+test.to).want(0, ": 3 images; blobs: 7 sent; ")
		at, err := image.ParseLocation(strings.ReplaceAll(test.to, "@/", c.path("")+"/"))
		if err != nil {
			t.Fatal(err)
		}
		if want := at.Transport + at.Path + test.printed + "@" + string(list.Digest) + "\n"; o.stdout != want {
			t.Errorf("%s\nprints %swant   %s", o.line, o.stdout, want)
		}
		if got := imagesIn(t, at.Path); !maps.Equal(got, map[string]blob.Digest{test.name: list.Digest}) {
			t.Errorf("%s\nleaves %v", o.line, got)
		}
		c.verifySound(at.Path)
		back := fmt.Sprintf("%s/back:%d", c.target.host, i)
		c.run("copy", strings.TrimSpace(o.stdout), back).want(0) // the printed reference is a valid source
		if got := c.run("inspect", "--raw", back).stdout; got != raw {
			t.Errorf("%s: the list came back as\n%s", test.to, got)
		}
	}
	if readFile(t, c.path("c.tar")) == readFile(t, c.path("d.tar")) {
		t.Error("two names, and the same bytes")
	}
	c.do("copy SRC oci-archive:@/e.tar:x/y").want(0)
	if readFile(t, c.path("d.tar")) != readFile(t, c.path("e.tar")) {
		t.Error("docker-archive and oci-archive differ")
	}
	if o := c.do("copy SRC oci:@/lay"); !strings.HasSuffix(o.stderr, "/lay is up to date with "+c.src+"\n") {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
}

// An image copied by digest gets a digest name in layouts and tars, also where it is a platform's
// image of a list.
func TestCopyByDigestKeepsDigestName(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list, repo := c.source.pushThreePlatforms(), "FROM/src/repo"
	parts := c.source.platformDigests("src/repo", "1.6")
	want := map[string]blob.Digest{}
	c.do("copy SRC oci:@/one").want(0)
	want[c.src] = list.Digest
	c.do("copy " + repo + "@" + string(list.Digest) + " oci:@/one").want(0)
	c.do("copy " + repo + "@" + string(parts["arm64"]) + " oci:@/one").want(0)
	want[c.source.host+"/src/repo@"+string(parts["arm64"])] = parts["arm64"] // so far it was only an entry of the list
	if got := imagesIn(t, c.path("one")); !maps.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	for _, to := range []string{"oci:@/sub", "oci-archive:@/sub.tar"} {
		o := c.do("copy --platform linux/amd64 " + repo + "@" + string(list.Digest) + " " + to).want(0)
		digest := o.stdout[strings.LastIndex(o.stdout, "@")+1 : len(o.stdout)-1]
		if got := imageNames(t, strings.Replace(to[strings.Index(to, ":")+1:], "@", c.path(""), 1)); !slices.Equal(got,
			[]string{c.source.host + "/src/repo@" + digest}) {
			t.Errorf("%s\nleaves %v", o.line, got)
		}
		c.do("copy " + to + " TO/sub:1").want(0)
	}
	c.do("copy --flatten --platform linux/arm64 " + repo + "@" + string(list.Digest) + " oci:@/flat").want(0)
	if got := imagesIn(t, c.path("flat")); len(got) != 1 ||
		got[c.source.host+"/src/repo@"+string(parts["arm64"])] == "" {
		t.Errorf("flat: %v", got)
	}
	c.do("copy SRC oci:@/one@" + emptySHA256).
		wantError(wantedError{7, "the digest of the target is not that of the image", "leave the digest out"})
	c.do("copy SRC oci-archive:@/x.tar@" + emptySHA256).
		wantError(wantedError{7, "the digest of the target is not that of the image", "leave the digest out"})
	if slices.ContainsFunc(fileNames(t, c.path("")),
		func(name string) bool { return strings.HasPrefix(name, "x.tar") }) {
		t.Error("the tar was begun")
	}
}

// A source without a name gets its digest as its name in a layout.
func TestCopyOfUnnamedImage(t *testing.T) {
	c := newCopySetup(t)
	for _, to := range []string{"oci:@/lay", "oci-archive:@/x.tar"} {
		o := c.do("copy -q null:1k:7 " + to).want(0)
		path := strings.Replace(to[strings.Index(to, ":")+1:], "@", c.path(""), 1)
		digest := o.stdout[strings.LastIndex(o.stdout, "@")+1 : len(o.stdout)-1]
		if got := slices.Collect(maps.Values(imagesIn(t, path))); len(got) != 1 || string(got[0]) != digest {
			t.Errorf("%s\nleaves %v", o.line, got)
		}
		c.verifySound(path)
		c.run("copy", strings.TrimSpace(o.stdout), c.target.host+"/x:1").want(0)
	}
}

// --platform and --flatten give the same digest for every kind of target.
func TestCopySubsetToFiles(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	for i, flags := range []string{"--platform linux/arm64", "--platform linux/arm64,linux/amd64",
		"--flatten --platform linux/arm/v7"} {
		tag := string(rune('a' + i))
		o := c.do("copy " + flags + " SRC TO/sub:" + tag + " oci:@/lay:" + tag + " oci-archive:@/" + tag + ".tar").
			want(0)
		digests := map[string]bool{}
		for line := range strings.Lines(o.stdout) {
			digests[line[strings.LastIndex(line, "@"):]] = true
		}
		if len(digests) != 1 || strings.Count(o.stdout, "\n") != 3 {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
		c.verifySound(c.path(tag + ".tar"))
		c.do("copy oci-archive:@/" + tag + ".tar TO/back:" + tag).want(0)
		if c.do("digest TO/back:"+tag).stdout != c.do("digest TO/sub:"+tag).stdout {
			t.Errorf("%s: the digest has changed on the way", flags)
		}
	}
	c.verifySound(c.path("lay"))
	if got := imageNames(t, c.path("lay")); len(got) != 3 {
		t.Errorf("the layout has %v", got)
	}
}

// Targets of several kinds are written in one pass. A failed target does not stop the others.
func TestCopyToSeveralKindsOfTargets(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := string(c.source.pushThreePlatforms().Digest)
	c.source.ResetRequests()
	o := c.do("copy SRC DST oci:@/lay:1 oci-archive:@/x.tar:y:1 docker-archive:@/z.tar").want(0)
	home := c.path("") + "/"
	want := c.dst + "@" + list + "\noci:" + home + "lay:1@" + list + "\noci-archive:" + home + "x.tar:y:1@" + list +
		"\ndocker-archive:" + home + "z.tar@" + list + "\n"
	if o.stdout != want {
		t.Errorf("%s\nprints %s\nwant   %s", o.line, o.stdout, want)
	}
	if blobs, manifests := c.source.Count("^GET .*/blobs/"), c.source.Count("^(GET|HEAD) .*/manifests/"); blobs != 7 ||
		manifests != 4 {
		t.Errorf("%d blobs and %d manifests were read, want each once", blobs, manifests)
	}
	c.writeFile("other/notes.txt", "x")
	c.target.Set(registry.Rule{Match: "^POST .*denied", Status: 403})
	c.do("copy SRC TO/denied/x oci:@/lay:2 oci-archive:@/w.tar").
		want(8, "failed: "+c.target.host+"/denied/x", "1 of 3 failed")
	if got := imageNames(t, c.path("lay")); len(got) != 2 {
		t.Errorf("the layout has %v", got)
	}
	c.verifySound(c.path("w.tar"))
	c.do("copy SRC oci:@/other oci-archive:@/v.tar").
		wantError(wantedError{1, "the folder has no oci-layout and is not empty: notes.txt", ""})
	for _, line := range []string{"oci-archive:@/a.tar oci-archive:@/a.tar:x:1",
		"oci-archive:@/a.tar docker-archive:@/./a.tar", "oci:@/l:1 oci:@/l:1"} {
		c.do("copy SRC " + line).wantError(wantedError{2, "is named twice as a target", ""})
	}
}

// A missing source layout or tar is not created.
func TestCopyFromMissingFiles(t *testing.T) {
	c := newCopySetup(t)
	c.runFails("copy oci:"+c.path("none")+" DST", wantedError{4, "none: no such file or directory", ""})
	c.runFails("copy oci-archive:"+c.path("none.tar")+" DST", wantedError{4, "none.tar: file does not exist", ""})
	c.runFails("copy docker-archive:"+c.path("none.tar")+":x DST", wantedError{4, "none.tar: file does not exist", ""})
	if err := os.Mkdir(c.path("empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.runFails("copy oci:"+c.path("empty")+" DST", wantedError{7, "empty: the folder is no image layout", ""})
	if got := slices.Concat(fileNames(t, c.path("")), fileNames(t, c.path("empty"))); !slices.Equal(got,
		[]string{"empty"}) {
		t.Errorf("there is %v", got)
	}
	c.runFails("copy SRC oci-archive:"+c.path("no/such/x.tar"),
		wantedError{4, "there is no folder " + c.path("no/such"), ""})
	c.runFails("copy SRC oci:"+c.writeFile("file", "x"), wantedError{1, "not a directory", ""})
	c.runFails("copy oci-archive:"+c.writeFile("text.tar", "x")+" DST", wantedError{7, "text.tar: ", ""})
	c.do("copy SRC oci:@/lay:1").want(0)
	c.do("copy SRC oci:@/lay:2").want(0)
	c.source.pushImage("other", "1", "linux/amd64", "x")
	c.do("copy FROM/other:1 oci:@/lay").want(0)
	c.runFails("copy oci:"+c.path("lay")+" DST", wantedError{2, "there are 3 images, say which: ", ""})
	c.runFails("copy oci:"+c.path("lay")+":3 DST", wantedError{4, "there is no image 3; there is ", ""})
	c.do("copy oci:@/lay:2 DST").want(0)
	c.do("copy oci:@/lay:other@" + string(c.source.pushThreePlatforms().Digest) + " DST").want(0) // the digest decides
}

// An image that cannot be read creates no layout, and leaves an empty folder as it was.
func TestFailedImageCreatesNoLayout(t *testing.T) {
	c := newCopySetup(t)
	if err := os.Mkdir(c.path("empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.writeList("FROM/none:1 oci:@/new:1\n")
	for line, want := range map[string]wantedError{
		"copy FROM/none:1 oci:@/new:1":                      {4, "404 Not Found", ""},
		"copy FROM/none:1 oci:@/empty:1":                    {4, "404 Not Found", ""},
		"copy FROM/none:1 DST oci:@/new:1":                  {4, "404 Not Found", ""},
		"copy --platform plan9/mips SRC oci:@/new:1":        {4, "plan9/mips", ""},
		"save -o @/new/ FROM/none:1":                        {4, "404 Not Found", ""},
		"save -o @/empty FROM/none:1":                       {4, "404 Not Found", ""},
		"save -o @/new/ SRC FROM/none:1":                    {4, "404 Not Found", ""},
		"save --keep-going -o @/new/ FROM/none:1 FROM/no:2": {4, "404 Not Found", ""},
		"save --platform plan9/mips -o @/new/ SRC":          {4, "plan9/mips", ""},
		"sync -f @/images":                                  {4, "404 Not Found", ""},
	} {
		o := c.do(line)
		o.want(want.code, want.message, want.hint)
		if got := slices.Concat(fileNames(t, c.path("")), fileNames(t, c.path("empty"))); !slices.Equal(got, []string{"empty", "images"}) {
			t.Errorf("%s\nleaves %v", o.line, got)
		}
	}
	c.source.ResetRequests()
	c.do("save -o @/new/ SRC").want(0)
	if n := c.source.Count("/manifests/"); n != 4 {
		t.Errorf("%d manifests were read, want each once", n)
	}
	c.verifySound(c.path("new"))
}
