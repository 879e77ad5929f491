package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
)

// newLoadSetup returns a copySetup with a bundle x.tar of three images: dst/repo:1.6,
// quay.io/a/tool:2 and alpine:3.20.
func newLoadSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool")
	c.writeFile("images", c.src+" dst/repo\n"+c.source.host+"/tool:2 quay.io/a/tool\n"+c.source.host+
		"/tool:2 alpine:3.20\n")
	c.do("save -q -o @/x.tar -f @/images").want(0)
	return c
}

// loadedImages returns the images that a load has printed, sorted, without host and digest. It
// checks that the target has them.
func (c *copySetup) loadedImages(o result) []string {
	c.t.Helper()
	var out []string
	for line := range strings.Lines(o.stdout) {
		name, digest, _ := strings.Cut(strings.TrimSpace(line), "@")
		path := strings.TrimPrefix(name, c.target.host+"/")
		if cut := strings.LastIndexByte(path, ':'); digest == "" || cut < 0 || !c.target.has(path[:cut], path[cut+1:]) {
			c.t.Errorf("%s\nprints %s, which is not there", o.line, line)
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c := newLoadSetup(t)
	for line, want := range map[string]string{
		"load @/x.tar TO":                           "a/tool:2 dst/repo:1.6 library/alpine:3.20",
		"load @/x.tar docker://TO/p/q/":             "p/q/a/tool:2 p/q/dst/repo:1.6 p/q/library/alpine:3.20",
		"load oci-archive:@/x.tar TO/o":             "o/a/tool:2 o/dst/repo:1.6 o/library/alpine:3.20",
		"load @/x.tar TO/r --rewrite docker.io=hub": "r/a/tool:2 r/hub/dst/repo:1.6 r/hub/library/alpine:3.20",
		"load --rewrite dst=h --rewrite dst/repo=z --rewrite library= --rewrite quay.io/a=b @/x.tar TO/l": "l/alpine:3.20 l/b/tool:2 l/z:1.6",
		"load @/x.tar TO/n dst/repo:1.6":                                           "n/dst/repo:1.6",
		"load @/x.tar TO/n2 1.6 quay.io/a/tool:2":                                  "n2/a/tool:2 n2/dst/repo:1.6",
		"load @/x.tar TO/n3 docker.io/library/alpine:3.20 --jobs 1 --chunk-size 4": "n3/library/alpine:3.20",
	} {
		o := c.do(line).want(0, "loaded ")
		if got := strings.Join(c.loadedImages(o), " "); got != want {
			t.Errorf("%s\nloads %s\nwant  %s", o.line, got, want)
		}
	}
	c.do("load @/x.tar TO/w --rewrite quay.io/tool=x --rewrite dst=y").want(0, "warning: --rewrite quay.io/tool=x matches no image")
	c.do("verify --deep TO/l/z:1.6").want(0)
	if got := c.do("inspect --raw TO/dst/repo:1.6").stdout; got != c.do("inspect --raw SRC").stdout {
		t.Errorf("the list became %s", got)
	}
	c.do("save -q -o @/lay/ -f @/images").want(0)
	if o := c.do("load -q @/lay TO/folder").want(0); o.stderr != "" || len(c.loadedImages(o)) != 3 {
		t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
	}
}

// Loading images that the target has costs one HEAD each.
func TestLoadAgainSendsOneHeadPerImage(t *testing.T) {
	c := newLoadSetup(t)
	c.do("load @/x.tar TO/p").want(0, "3 images of ", "blobs: 8 sent")
	c.target.ResetRequests()
	o := c.do("load @/x.tar TO/p").want(0, "3 images of ", "no blobs")
	if heads, all := c.target.Count("^HEAD .*/manifests/"),
		c.target.Count("/(manifests|blobs)/"); heads != 3 || all != 3 {
		t.Errorf("%d calls, %d of them HEAD of an image", all, heads)
	}
	if len(c.loadedImages(o)) != 3 {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

// Blobs shared by several images are sent once.
func TestLoadSendsSharedBlobsOnce(t *testing.T) {
	c := newLoadSetup(t)
	c.do("load --jobs 1 @/x.tar TO/p").want(0)
	if n := c.target.Count("^PUT .*/blobs/"); n != 8 {
		t.Errorf("%d blobs were sent, want each once", n)
	}
	c.do("verify --deep TO/p/library/alpine:3.20").want(0)
}

// A failed image does not stop the others.
func TestLoadPartialFailure(t *testing.T) {
	c := newLoadSetup(t)
	c.target.Set(registry.Rule{Match: "^(PUT|POST) /v2/p/a/tool/", Status: 403})
	o := c.do("load @/x.tar TO/p").
		want(8, "failed: "+c.target.host+"/p/a/tool:2: ", "transship load: 1 of 3 failed", "loaded 2 images of ")
	if got := c.loadedImages(o); !slices.Equal(got, []string{"p/dst/repo:1.6", "p/library/alpine:3.20"}) {
		t.Errorf("%s\nloads %v", o.line, got)
	}
	if c.target.has("p/a/tool", "2") {
		t.Error("the image that failed has its tag")
	}
	c.do("load @/x.tar TO/p quay.io/a/tool:2").wantError(wantedError{3, "403 Forbidden", "--creds user:password"})
	c.target.Set(registry.Rule{Match: "^(PUT|POST) /v2/q/a/tool/", Status: 403},
		registry.Rule{Match: "^(PUT|POST) /v2/q/dst/", Status: 400})
	c.do("load @/x.tar TO/q dst/repo:1.6 quay.io/a/tool:2").want(8, "2 of 2 failed")
	c.ctx = interruptedContext()
	c.do("load @/x.tar TO/q").
		wantError(wantedError{130, "transship load: interrupted", "no tag points at an incomplete image"})
}

// Where all images fail for the same kind of reason, the exit code and the hint are those of each.
func TestLoadWhereAllImagesFailAlike(t *testing.T) {
	c := newLoadSetup(t)
	c.target.Set(registry.Rule{Status: 503})
	c.do("load @/x.tar TO/p").want(1, "3 of 3 failed")
	c.target.Set(registry.Rule{Match: "^(PUT|POST)", Status: 403})
	c.do("load @/x.tar TO/p").want(3, "3 of 3 failed", "hint: transship login "+c.target.host)
	c.do("load @/x.tar "+unusedAddress(t)).want(5, "3 of 3 failed", "connection refused", "hint: nothing listens there")
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	c := newLoadSetup(t)
	c.do("save -o @/clash.tar FROM/tool:2 SRC -f " + c.writeFile("clash", c.src+" quay.io/x/y:1\n"+c.source.host+
		"/tool:2 ghcr.io/x/y:1\n")).want(0)
	c.do("copy SRC oci:@/bare:1").want(0)
	setBareTags(t, c.path("bare"), "3.18")
	c.do("copy oci:@/bare oci-archive:@/bare.tar").want(0)
	c.writeFile("text", "no archive")
	c.writeFile("gz.tar", "\x1f\x8b\x08\x00\x00\x00\x00\x00")
	for line, want := range map[string]wantedError{
		"load @/none.tar TO":   {4, "none.tar: file does not exist", ""},
		"load @/none/ TO":      {4, "none/: no such file or directory", ""},
		"load @/text TO":       {7, "text: ", ""},
		"load @/gz.tar TO":     {7, "gz.tar: the file is cut short", "transfer the file again"},
		"load @/x.tar":         {2, "REGISTRY is missing", "transship load -i "},
		"load @/x.tar dst":     {2, `"dst" does not begin with a registry's host`, "docker.io/dst"},
		"load @/x.tar TO/UP":   {2, "is not the beginning of a repository's name", "team/app"},
		"load @/x.tar TO:x/y":  {2, "is not the host of a registry", "registry.example.com:5000"},
		"load @/x.tar TO nope": {4, "there is no image nope; there is ", ""},
		"load @/x.tar TO 2 3.20 1.6 --jobs 0": {2,
			`--jobs: "0" is not a whole number`, ""},
		"load @/x.tar TO --rewrite dst": {2, `--rewrite: "dst" is not FROM=TO`, ""},
		"load @/x.tar TO --rewrite a=b --rewrite a=c": {2,
			"--rewrite: a is rewritten twice", ""},
		"load @/x.tar TO --rewrite dst/repo=": {2, "dst/repo:1.6 would become " + c.target.host +
			"/:1.6, which is not an image name", "correct --rewrite"},
		"load @/x.tar TO --rewrite dst=UP": {2, "which is not an image name",
			"correct --rewrite"},
		"load @/clash.tar TO":     {2, "would become " + c.target.host + "/x/y:1", "give one of them another name with --rewrite"},
		"load @/bare TO":          {2, "has no name, only the tag 3.18", "transship load " + c.path("bare") + " " + c.target.host + "/NAME"},
		"load @/bare.tar TO":      {2, "has no name", "transship copy oci-archive:" + c.path("bare.tar") + "@sha256:"},
		"load oci:@/bare:3.18 TO": {2, "names one image; give a whole file or folder", ""},
		"load dir:@/bare TO":      {2, "the transport dir: is not supported", "use docker://REF"},
	} {
		c.do(line).wantError(want)
	}
	if n := c.target.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	o := c.do("load @/clash.tar TO --rewrite quay.io=q").want(0)
	if got := c.loadedImages(o); !slices.Contains(got, "q/x/y:1") || !slices.Contains(got, "x/y:1") {
		t.Errorf("%s\nloads %v", o.line, got)
	}
}

// Referrers are pushed after their subject, also where that has no tag, and referrers of referrers
// after both.
func TestLoadReferrersInOrder(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	sbom := c.source.pushReferrer("src/repo", list, "application/spdx+json")
	signature := c.source.pushReferrer("src/repo", sbom, "application/vnd.example.signature")
	part := c.source.pushReferrer("src/repo", c.source.pushImage("src/repo", "", "linux/arm64", "shared",
		"for arm64"), "text/notes")
	for i, ref := range []string{c.src, c.source.host + "/src/repo@" + string(list.Digest)} {
		repo := fmt.Sprintf("to%d/src/repo", i)
		c.run("save", "-q", "--referrers", "-o", c.path("x.tar"), ref).want(0)
		c.target.ResetRequests()
		c.do(fmt.Sprintf("load @/x.tar TO/to%d", i)).want(0)
		var order []string
		for _, r := range c.target.Requests() {
			if r.Method == "PUT" && strings.Contains(r.URL, "/manifests/") {
				order = append(order, r.URL[strings.LastIndex(r.URL, "/")+1:])
			}
		}
		at := func(ref string) int { return slices.Index(order, ref) }
		root := max(at("1.6"), at(string(list.Digest)))
		if root < 0 || at(string(sbom.Digest)) < root || at(string(part.Digest)) < root ||
			at(string(signature.Digest)) < at(string(sbom.Digest)) {
			t.Errorf("%s was pushed in the order %s", repo, strings.Join(order, "\n"))
		}
		for _, d := range []string{string(sbom.Digest), string(signature.Digest), string(part.Digest)} {
			if !c.target.has(repo, d) {
				t.Errorf("%s: %s is not there", repo, d)
			}
		}
	}
	c.do("copy --referrers TO/to0/src/repo:1.6 FROM/back/repo:1").want(0)
	if !c.source.has("back/repo", string(signature.Digest)) {
		t.Error(cmp.Diff("the signature of the SBOM", "nothing"))
	}
}
