package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/bundle"
	"github.com/hczjl/transship/distribution/registry"
)

// What is sound is said to be, with what was looked at.
func TestVerify(t *testing.T) {
	v := newVoyage(t)
	v.do("save -q -o @/x.tar SRC").want(0)
	v.do("save -q -o @/s.tar --split 4k SRC").want(0)
	v.do("save -q -o @/lay/ SRC").want(0)
	v.do("copy -q SRC DST").want(0)
	for _, arg := range []string{"@/x.tar", "@/s.tar", "@/s.tar.001", "@/lay", "@/lay/", "oci:@/lay", "oci-archive:@/x.tar", "docker-archive:@/x.tar", "DST", "docker://DST", "--deep DST"} {
		o := v.do("verify " + arg).want(0)
		if !strings.Contains(o.stdout, ": sound: ") || o.stderr != "" {
			t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
		}
		if o := v.do("verify -q " + arg).want(0); o.stdout+o.stderr != "" {
			t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
		}
		var found bundle.Verification
		o = v.do("verify --json " + arg).want(0)
		if err := json.Unmarshal([]byte(o.stdout), &found); err != nil || !found.OK || found.Checks < 11 || found.Bytes == 0 || found.Problems == nil {
			t.Errorf("%s\nprints %s, error %v", o.line, o.stdout, err)
		}
	}
	// What stands in the shell's folder is meant, unless a transport says otherwise.
	t.Chdir(v.path(""))
	for arg, code := range map[string]int{"x.tar": 0, "s.tar": 0, "lay": 0, "./lay": 0, "oci:lay": 0, "none.tar": 4, "./none": 4, "../none": 4, "none/": 4,
		v.target.host + "/hczjl/halo": 4, v.dst: 0, "NONE": 2} {
		v.run("verify", arg).want(code)
	}
	v.run("verify", "docker://"+v.target.host+"/x.tar").want(4, "404 Not Found")
}

// A registry is asked for the manifests, and whether the blobs are there; only --deep reads those.
func TestVerifyCalls(t *testing.T) {
	v := newVoyage(t)
	v.do("verify SRC").want(0)
	if manifests, heads, all := v.source.Count("^GET .*/manifests/"), v.source.Count("^HEAD .*/blobs/"), v.source.Count("/v2/.+"); manifests != 4 || heads != 7 || all != 11 {
		t.Errorf("%d calls: %d manifests, %d blobs", all, manifests, heads)
	}
	v.source.Forget()
	v.do("verify --deep SRC").want(0)
	if manifests, blobs, all := v.source.Count("^GET .*/manifests/"), v.source.Count("^GET .*/blobs/"), v.source.Count("/v2/.+"); manifests != 4 || blobs != 7 || all != 11 {
		t.Errorf("%d calls: %d manifests, %d blobs", all, manifests, blobs)
	}
}

// What is off with an image on a registry is 7; that it is not there, or that the registry does not tell, is not.
func TestVerifyRegistry(t *testing.T) {
	t.Parallel()
	const list, child, blobs = "^GET .*/manifests/1.6", "^GET .*/manifests/sha256", "/blobs/sha256"
	for name, test := range map[string]struct {
		rule    registry.Rule
		flags   string
		code    int
		says    string
		problem string // in the report
	}{
		"blob missing":       {registry.Rule{On: "^HEAD .*" + blobs, Times: 1, Status: 404}, "", 7, ": 1 of 11 checks failed", "does not have it, or not with "},
		"blob of other size": {registry.Rule{On: "^HEAD .*" + blobs, Times: 1, Status: 200, Header: map[string]string{"Content-Length": "77"}}, "", 7, ": 1 of 11 checks failed", "does not have it, or not with "},
		"blobs missing":      {registry.Rule{On: "^HEAD .*" + blobs, Status: 404}, "", 7, ": 7 of 11 checks failed", "does not have it"},
		"child missing":      {registry.Rule{On: child, Times: 1, Status: 404}, "", 7, ": 1 of ", "404 Not Found"},
		"child damaged":      {registry.Rule{On: child, Times: 1, Corrupt: true}, "", 7, ": 1 of ", "want sha256:"},
		"blob damaged":       {registry.Rule{On: "^GET .*" + blobs, Times: 1, Corrupt: true}, "--deep", 7, ": 1 of 11 checks failed", "want sha256:"},
		"blob cut short":     {registry.Rule{On: "^GET .*" + blobs, Cut: registry.CutLength, After: 1}, "--deep", 7, ": 7 of 11 checks failed", "is cut short"},
		"damage not deep":    {registry.Rule{On: "^GET .*" + blobs, Corrupt: true}, "", 0, "", ""},
		"image missing":      {registry.Rule{On: list, Status: 404}, "", 4, "404 Not Found", ""},
		"image damaged":      {registry.Rule{On: list, Status: 200, Body: "{"}, "", 7, "not valid JSON", ""},
		"denied":             {registry.Rule{On: list, Status: 403}, "", 3, "403 Forbidden", ""},
		"blobs denied":       {registry.Rule{On: blobs, Status: 403}, "", 3, "403 Forbidden", ""},
		"rate limit":         {registry.Rule{On: blobs, Status: 429}, "", 6, "429 Too Many Requests", ""},
		"down midway":        {registry.Rule{On: blobs, Cut: registry.CutAnswer}, "", 5, "EOF", ""},
		"broken":             {registry.Rule{On: child, Status: 500}, "", 1, "500 Internal Server Error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			v.source.Set(test.rule)
			o := v.do("verify "+test.flags+" SRC").want(test.code, test.says)
			if !strings.Contains(o.stdout, test.problem) || (test.problem != "") != strings.HasPrefix(o.stdout, "bad: ") {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			v.source.Set(test.rule)
			o = v.do("verify --json " + test.flags + " SRC").want(test.code)
			var found bundle.Verification
			if err := json.Unmarshal([]byte(o.stdout), &found); test.code == 7 && (err != nil || found.OK || !strings.Contains(found.Problems[0].Error, test.problem)) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
		})
	}
	v := newVoyage(t)
	part := v.source.image("odd", "", "linux/amd64", "x")
	part.Size++
	v.source.list("odd", "1", part)
	if o := v.do("verify FROM/odd:1").want(7, ": 1 of 2 checks failed"); !strings.Contains(o.stdout, "bytes") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	v.do("verify " + nobody(t) + "/x:1").complains(complaint{5, "connection refused", "nothing listens there"})
	v.ctx = afterInterrupt()
	v.do("verify SRC").complains(complaint{130, "transship verify: interrupted", ""})
}

// Each kind of damage to a bundle is found, and named.
func TestVerifyDamagedBundle(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage  func(v *voyage)
		code    int
		problem string // in the report, or in the error
	}{
		"a layer": {func(v *voyage) { flip(v.t, v.path("x.tar"), strings.Index(content(v.t, v.path("x.tar")), "for amd64")) }, 7, "bad: blob sha256:"},
		"a manifest": {func(v *voyage) {
			flip(v.t, v.path("x.tar"), strings.Index(content(v.t, v.path("x.tar")), `"layers"`)+3)
		}, 7, "bad: blob sha256:"},
		"padding": {func(v *voyage) {
			flip(v.t, v.path("x.tar"), strings.Index(content(v.t, v.path("x.tar")), "for amd64")+20)
		}, 7, "bad: volume x.tar: "},
		"cut":              {func(v *voyage) { v.write("x.tar", content(v.t, v.path("x.tar"))[:9000]) }, 7, "x.tar: "},
		"cut after a blob": {func(v *voyage) { v.write("x.tar", strings.TrimRight(content(v.t, v.path("x.tar")), "\x00")) }, 7, "x.tar"},
		"another inventory": {func(v *voyage) {
			v.do("save -q -o @/y.tar FROM/halohub/halo:other").want(0)
			v.write("x.tar.json", content(v.t, v.path("y.tar.json")))
		}, 7, "bad: "},
		"inventory damaged": {func(v *voyage) { v.write("x.tar.json", `{"version":1,`) }, 7, "bad: "},
		"a header":          {func(v *voyage) { flip(v.t, v.path("x.tar"), 100) }, 7, "x.tar: "},
		"a newer format": {func(v *voyage) {
			v.write("x.tar", strings.Replace(content(v.t, v.path("x.tar")), `"imageLayoutVersion":"1.0.0"`, `"imageLayoutVersion":"9.0.0"`, 1))
		}, 1, "unknown version"},
		"a newer inventory": {func(v *voyage) {
			v.write("x.tar", strings.Replace(content(v.t, v.path("x.tar")), `{"version":1,`, `{"version":2,`, 1))
		}, 1, "take a newer transship"},
		"missing":    {func(v *voyage) { v.remove("x.tar") }, 4, "x.tar: file does not exist"},
		"no bundle":  {func(v *voyage) { v.write("x.tar", "hello") }, 7, "bytes, got 5"}, // as x.tar.json tells
		"empty":      {func(v *voyage) { v.write("x.tar", "") }, 7, "bytes, got 0"},
		"no archive": {func(v *voyage) { v.remove("x.tar.json"); v.write("x.tar", "hello") }, 1, "x.tar: it is no tar"},
		"beginning":  {func(v *voyage) { flip(v.t, v.path("x.tar"), 3) }, 7, "no tar header after byte 0"},
		"for docker": {func(v *voyage) {
			v.remove("x.tar.json")
			flip(v.t, v.path("x.tar"), strings.Index(content(v.t, v.path("x.tar")), `RepoTags":["`)+12)
		}, 7, "bad: manifest.json: "},
		"for old docker": {func(v *voyage) {
			v.remove("x.tar.json")
			flip(v.t, v.path("x.tar"), strings.Index(content(v.t, v.path("x.tar")), `{"1.6":"`)+8)
		}, 7, "bad: repositories: "},
		"layout version": {func(v *voyage) {
			flip(v.t, v.path("x.tar"), strings.Index(content(v.t, v.path("x.tar")), "LayoutVersion"))
		}, 7, "which version"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			v.source.image("halohub/halo", "other", "linux/amd64", "other")
			v.do("save -q --sum -o @/x.tar SRC").want(0)
			test.damage(v)
			o := v.do("verify @/x.tar").want(test.code)
			if !strings.Contains(o.stdout+o.stderr, test.problem) {
				t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
			}
			o = v.do("verify --json @/x.tar").want(test.code)
			if test.code == 7 && !strings.Contains(o.stdout, `"ok": false`) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
		})
	}
}

func TestVerifyDamagedFolder(t *testing.T) {
	t.Parallel()
	hello := blob.FromBytes([]byte("for amd64"))
	for name, test := range map[string]struct {
		damage  func(v *voyage, layer string)
		code    int
		problem string
	}{
		"a layer":         {func(v *voyage, layer string) { flip(v.t, layer, 0) }, 7, "bad: blob " + string(hello) + ": want "},
		"a layer missing": {func(v *voyage, layer string) { v.check(os.Remove(layer)) }, 7, "bad: image "},
		"a wrong name": {func(v *voyage, layer string) {
			v.check(os.Rename(layer, filepath.Join(filepath.Dir(layer), strings.Repeat("0", 64))))
		}, 7, "bad: blob sha256:0000"},
		"index.json": {func(v *voyage, _ string) { v.write("lay/index.json", `{"manifests":[`) }, 7, "index.json: "},
		"points nowhere": {func(v *voyage, _ string) {
			v.write("lay/index.json", `{"manifests":[{"mediaType":"`+"application/vnd.oci.image.index.v1+json"+`","digest":"`+emptySHA256+`","size":7}]}`)
		}, 7, "bad: image "},
		"no layout": {func(v *voyage, _ string) { v.remove("lay/oci-layout") }, 1, "lay: the folder is no image layout"},
		"newer":     {func(v *voyage, _ string) { v.write("lay/oci-layout", `{"imageLayoutVersion":"9.0.0"}`) }, 1, "unknown version"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			v.do("save -q -o @/lay/ SRC").want(0)
			test.damage(v, v.path("lay/blobs/sha256/"+hello.Hex()))
			for _, arg := range []string{"@/lay", "oci:@/lay"} {
				o := v.do("verify " + arg).want(test.code)
				if !strings.Contains(o.stdout+o.stderr, test.problem) {
					t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
				}
			}
			if o := v.do("verify --json @/lay").want(test.code); test.code == 7 && !strings.Contains(o.stdout, `"ok": false`) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
		})
	}
}

// A volume that is not as it was written is named.
func TestVerifyNamesTheVolume(t *testing.T) {
	v := newVoyage(t)
	v.do("save -q -o @/x.tar --split 4k SRC").want(0)
	for i := range 6 {
		name := "x.tar.00" + string(rune('1'+i))
		flip(t, v.path(name), -1)
		o := v.do("verify @/x.tar").want(7)
		if !strings.Contains(o.stdout+o.stderr, name) {
			t.Errorf("%s: %s%s", name, o.stdout, o.stderr)
		}
		flip(t, v.path(name), -1)
	}
	v.sound(v.path("x.tar"))
}

// Files that no honest tool writes are read by nothing here.
func TestUnsafeArchives(t *testing.T) {
	v := newVoyage(t)
	v.do("save -q -o @/x.tar SRC").want(0)
	good := content(t, v.path("x.tar"))
	for name, headers := range map[string][]*tar.Header{
		"traversal": {{Name: "../../etc/passwd", Typeflag: tar.TypeReg}},
		"absolute":  {{Name: "/etc/passwd", Typeflag: tar.TypeReg}},
		"link":      {{Name: "blobs/sha256/" + strings.Repeat("0", 64), Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}},
		"device":    {{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"twice":     {{Name: "x", Typeflag: tar.TypeReg}, {Name: "x", Typeflag: tar.TypeReg}},
	} {
		v.write("x.tar", withMembers(t, good, headers))
		want := complaint{7, "x.tar: ", "no honest tool writes such a file"}
		for _, line := range []string{"verify @/x.tar", "load @/x.tar TO", "copy oci-archive:@/x.tar DST", "save -o @/y.tar oci-archive:@/x.tar", "save -o @/y.tar --since @/x.tar SRC"} {
			t.Run(name, func(t *testing.T) { v.do(line).complains(want) })
		}
	}
	if n := v.target.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	if got := files(t, v.path("")); len(got) != 2 {
		t.Errorf("there is %v", got)
	}
}

// withMembers adds members to a tar.
func withMembers(t testing.TB, archive string, headers []*tar.Header) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	r := tar.NewReader(strings.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// check ends the test at an error.
func (p *program) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}
