package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/bundle"
	"github.com/hczjl/transship/distribution/registry"
)

// A sound image or file is reported with the number of checks and bytes.
func TestVerifySound(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/x.tar SRC").want(0)
	c.do("save -q -o @/s.tar --split 4k SRC").want(0)
	c.do("save -q -o @/lay/ SRC").want(0)
	c.do("copy -q SRC DST").want(0)
	for _, arg := range []string{"@/x.tar", "@/s.tar", "@/s.tar.001", "@/lay", "@/lay/", "oci:@/lay",
		"oci-archive:@/x.tar", "docker-archive:@/x.tar", "DST", "docker://DST", "--deep DST"} {
		o := c.do("verify " + arg).want(0)
		if !strings.Contains(o.stdout, ": ok: ") || o.stderr != "" {
			t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
		}
		if o := c.do("verify -q " + arg).want(0); o.stdout+o.stderr != "" {
			t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
		}
		var found bundle.Verification
		o = c.do("verify --json " + arg).want(0)
		if err := json.Unmarshal([]byte(o.stdout), &found); err != nil || !found.OK || found.Checks < 11 ||
			found.Bytes == 0 || found.Problems == nil {
			t.Errorf("%s\nprints %s, error %v", o.line, o.stdout, err)
		}
	}
	// A name without a transport means a file of the current folder if there is one.
	t.Chdir(c.path(""))
	for arg, code := range map[string]int{"x.tar": 0, "s.tar": 0, "lay": 0, "./lay": 0, "oci:lay": 0, "none.tar": 4,
		"./none": 4, "../none": 4, "none/": 4,
		c.target.host + "/dst/repo": 4, c.dst: 0, "NONE": 2} {
		c.run("verify", arg).want(code)
	}
	c.run("verify", "docker://"+c.target.host+"/x.tar").want(4, "404 Not Found")
}

// verify reads the manifests of a registry and sends a HEAD for each blob. With --deep it reads the
// blobs.
func TestVerifyCalls(t *testing.T) {
	c := newCopySetup(t)
	c.do("verify SRC").want(0)
	if manifests, heads, all := c.source.Count("^GET .*/manifests/"), c.source.Count("^HEAD .*/blobs/"),
		c.source.Count("/v2/.+"); manifests != 4 || heads != 7 || all != 11 {
		t.Errorf("%d calls: %d manifests, %d blobs", all, manifests, heads)
	}
	c.source.ResetRequests()
	c.do("verify --deep SRC").want(0)
	if manifests, blobs, all := c.source.Count("^GET .*/manifests/"), c.source.Count("^GET .*/blobs/"),
		c.source.Count("/v2/.+"); manifests != 4 || blobs != 7 || all != 11 {
		t.Errorf("%d calls: %d manifests, %d blobs", all, manifests, blobs)
	}
}

// Damage to an image on a registry exits with 7. A missing image, or a registry that refuses or
// fails, has its own exit code.
func TestVerifyRegistry(t *testing.T) {
	t.Parallel()
	const list, child, blobs = "^GET .*/manifests/1.6", "^GET .*/manifests/sha256", "/blobs/sha256"
	for name, test := range map[string]struct {
		rule    registry.Rule
		flags   string
		code    int
		message string
		problem string // in the report
	}{
		"blob missing": {registry.Rule{Match: "^HEAD .*" + blobs, Times: 1, Status: 404}, "", 7, ": 1 of 11 checks failed",
			"does not have it"},
		"blob of other size": {registry.Rule{Match: "^HEAD .*" + blobs, Times: 1, Status: 200,
			Header: map[string]string{"Content-Length": "77"}}, "", 7, ": 1 of 11 checks failed",
			"want "},
		"blobs missing": {registry.Rule{Match: "^HEAD .*" + blobs, Status: 404}, "", 7, ": 7 of 11 checks failed",
			"does not have it"},
		"child missing": {registry.Rule{Match: child, Times: 1, Status: 404}, "", 7, ": 1 of ", "404 Not Found"},
		"child damaged": {registry.Rule{Match: child, Times: 1, Corrupt: true}, "", 7, ": 1 of ", "want sha256:"},
		"blob damaged": {registry.Rule{Match: "^GET .*" + blobs, Times: 1, Corrupt: true}, "--deep", 7,
			": 1 of 11 checks failed", "want sha256:"},
		"blob cut short": {registry.Rule{Match: "^GET .*" + blobs, Cut: registry.CutSilently, After: 1}, "--deep", 7,
			": 7 of 11 checks failed", "is cut short"},
		"damage not deep": {registry.Rule{Match: "^GET .*" + blobs, Corrupt: true}, "", 0, "", ""},
		"image missing":   {registry.Rule{Match: list, Status: 404}, "", 4, "404 Not Found", ""},
		"image damaged":   {registry.Rule{Match: list, Status: 200, Body: "{"}, "", 7, "not valid JSON", ""},
		"denied":          {registry.Rule{Match: list, Status: 403}, "", 3, "403 Forbidden", ""},
		"blobs denied":    {registry.Rule{Match: blobs, Status: 403}, "", 3, "403 Forbidden", ""},
		"rate limit":      {registry.Rule{Match: blobs, Status: 429}, "", 6, "429 Too Many Requests", ""},
		"down midway":     {registry.Rule{Match: blobs, Cut: registry.CutResponse}, "", 5, "EOF", ""},
		"broken":          {registry.Rule{Match: child, Status: 500}, "", 1, "500 Internal Server Error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.source.Set(test.rule)
			o := c.do("verify "+test.flags+" SRC").want(test.code, test.message)
			if !strings.Contains(o.stdout, test.problem) ||
				(test.problem != "") != strings.HasPrefix(o.stdout, "bad: ") {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
			c.source.Set(test.rule)
			o = c.do("verify --json " + test.flags + " SRC").want(test.code)
			var found bundle.Verification
			if err := json.Unmarshal([]byte(o.stdout), &found); test.code == 7 &&
				(err != nil || found.OK || !strings.Contains(found.Problems[0].Error, test.problem)) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
		})
	}
	c := newCopySetup(t)
	part := c.source.pushImage("odd", "", "linux/amd64", "x")
	part.Size++
	c.source.pushList("odd", "1", part)
	if o := c.do("verify FROM/odd:1").want(7, ": 1 of 2 checks failed"); !strings.Contains(o.stdout, "bytes") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.do("verify " + unusedAddress(t) + "/x:1").wantError(wantedError{5, "connection refused", "nothing listens there"})
	c.ctx = interruptedContext()
	c.do("verify SRC").wantError(wantedError{130, "transship verify: interrupted", ""})
}

// What answers for a blob without its size may be anything, such as a login page: it is read.
func TestVerifyReadsBlobsWithoutSize(t *testing.T) {
	for name, test := range map[string]struct {
		page string
		code int
	}{
		"login page":        {"<html>please log in</html>", 7},
		"no Content-Length": {"", 0},
	} {
		c := newCopySetup(t)
		next := c.source.Handler
		c.source.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			http.NewResponseController(w).Flush() // sends no Content-Length
			if test.page != "" {
				io.WriteString(w, test.page)
				return
			}
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			answer.Body.WriteTo(w)
		})
		o := c.do("verify SRC").want(test.code)
		if n := strings.Count(o.stdout, "bad: blob sha256:"); test.code == 7 && n != 7 {
			t.Errorf("%s: %d bad blobs:\n%s", name, n, o.stdout)
		}
	}
}

// A registry that names another digest than that of the bytes is warned of.
func TestVerifyWarnsOfContradiction(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/manifests/1.6", Header: map[string]string{
		"Docker-Content-Digest": "sha256:" + strings.Repeat("0", 64)}})
	for _, line := range []string{"verify SRC", "copy SRC DST", "inspect SRC"} {
		c.do(line).want(0, "warning: "+c.src+": the registry says that the manifest's digest is sha256:0000")
	}
}

// Each kind of damage to a bundle is found and named.
func TestVerifyDamagedBundle(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage  func(c *copySetup)
		code    int
		problem string // in the report, or in the error
	}{
		"a layer": {func(c *copySetup) {
			flipByte(c.t, c.path("x.tar"), strings.Index(readFile(c.t, c.path("x.tar")), "for amd64"))
		}, 7, "bad: blob sha256:"},
		"a manifest": {func(c *copySetup) {
			flipByte(c.t, c.path("x.tar"), strings.Index(readFile(c.t, c.path("x.tar")), `"layers"`)+3)
		}, 7, "bad: blob sha256:"},
		"padding": {func(c *copySetup) {
			flipByte(c.t, c.path("x.tar"), strings.Index(readFile(c.t, c.path("x.tar")), "for amd64")+20)
		}, 7, "bad: volume x.tar: "},
		"cut": {func(c *copySetup) { c.writeFile("x.tar", readFile(c.t, c.path("x.tar"))[:9000]) }, 7, "x.tar: "},
		"cut after a blob": {func(c *copySetup) {
			c.writeFile("x.tar", strings.TrimRight(readFile(c.t, c.path("x.tar")),
				"\x00"))
		}, 7, "x.tar"},
		"another inventory": {func(c *copySetup) {
			c.do("save -q -o @/y.tar FROM/src/repo:other").want(0)
			c.writeFile("x.tar.json", readFile(c.t, c.path("y.tar.json")))
		}, 7, "bad: "},
		"inventory damaged": {func(c *copySetup) { c.writeFile("x.tar.json", `{"version":1,`) }, 7, "bad: "},
		"a header":          {func(c *copySetup) { flipByte(c.t, c.path("x.tar"), 100) }, 7, "x.tar: "},
		"a newer format": {func(c *copySetup) {
			c.writeFile("x.tar", strings.Replace(readFile(c.t, c.path("x.tar")), `"imageLayoutVersion":"1.0.0"`,
				`"imageLayoutVersion":"9.0.0"`, 1))
		}, 1, "unknown version"},
		"a newer inventory": {func(c *copySetup) {
			c.writeFile("x.tar", strings.Replace(readFile(c.t, c.path("x.tar")), `{"version":1,`, `{"version":3,`, 1))
		}, 1, "take a newer transship"},
		"missing":   {func(c *copySetup) { c.removeFile("x.tar") }, 4, "x.tar: file does not exist"},
		"no bundle": {func(c *copySetup) { c.writeFile("x.tar", "hello") }, 7, "bytes, got 5"}, // as x.tar.json tells
		"empty":     {func(c *copySetup) { c.writeFile("x.tar", "") }, 7, "bytes, got 0"},
		"no archive": {func(c *copySetup) { c.removeFile("x.tar.json"); c.writeFile("x.tar", "hello") }, 7,
			"x.tar: it is no tar"},
		"beginning": {func(c *copySetup) { flipByte(c.t, c.path("x.tar"), 3) }, 7, "no tar header after byte 0"},
		"for docker": {func(c *copySetup) {
			c.removeFile("x.tar.json")
			flipByte(c.t, c.path("x.tar"), strings.Index(readFile(c.t, c.path("x.tar")), `RepoTags":["`)+12)
		}, 7, "bad: manifest.json: "},
		"for old docker": {func(c *copySetup) {
			c.removeFile("x.tar.json")
			flipByte(c.t, c.path("x.tar"), strings.Index(readFile(c.t, c.path("x.tar")), `{"1.6":"`)+8)
		}, 7, "bad: repositories: "},
		"layout version": {func(c *copySetup) {
			flipByte(c.t, c.path("x.tar"), strings.Index(readFile(c.t, c.path("x.tar")), "LayoutVersion"))
		}, 7, "which version"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.source.pushImage("src/repo", "other", "linux/amd64", "other")
			c.do("save -q --sum -o @/x.tar SRC").want(0)
			test.damage(c)
			o := c.do("verify @/x.tar").want(test.code)
			if !strings.Contains(o.stdout+o.stderr, test.problem) {
				t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
			}
			o = c.do("verify --json @/x.tar").want(test.code)
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
		damage  func(c *copySetup, layer string)
		code    int
		problem string
	}{
		"a layer": {func(c *copySetup, layer string) { flipByte(c.t, layer, 0) }, 7,
			"bad: blob " + string(hello) + ": want "},
		"a layer missing": {func(c *copySetup, layer string) { c.must(os.Remove(layer)) }, 7, "bad: image "},
		"a wrong name": {func(c *copySetup, layer string) {
			c.must(os.Rename(layer, filepath.Join(filepath.Dir(layer), strings.Repeat("0", 64))))
		}, 7, "bad: blob sha256:0000"},
		"index.json": {func(c *copySetup, _ string) { c.writeFile("lay/index.json", `{"manifests":[`) }, 7,
			"index.json: "},
		"points nowhere": {func(c *copySetup, _ string) {
			c.writeFile("lay/index.json", `{"manifests":[{"mediaType":"`+"application/vnd.oci.image.index.v1+json"+
				`","digest":"`+emptySHA256+`","size":7}]}`)
		}, 7, "bad: image "},
		"no layout": {func(c *copySetup, _ string) { c.removeFile("lay/oci-layout") }, 7,
			"lay: the folder is no image layout"},
		"newer": {func(c *copySetup, _ string) { c.writeFile("lay/oci-layout", `{"imageLayoutVersion":"9.0.0"}`) }, 1,
			"unknown version"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.do("save -q -o @/lay/ SRC").want(0)
			test.damage(c, c.path("lay/blobs/sha256/"+hello.Hex()))
			for _, arg := range []string{"@/lay", "oci:@/lay"} {
				o := c.do("verify " + arg).want(test.code)
				if !strings.Contains(o.stdout+o.stderr, test.problem) {
					t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
				}
			}
			if o := c.do("verify --json @/lay").
				want(test.code); test.code == 7 && !strings.Contains(o.stdout, `"ok": false`) {
				t.Errorf("%s\nprints %s", o.line, o.stdout)
			}
		})
	}
}

// verify names the damaged volume.
func TestVerifyNamesDamagedVolume(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/x.tar --split 4k SRC").want(0)
	for i := range 6 {
		name := "x.tar.00" + string(rune('1'+i))
		flipByte(t, c.path(name), -1)
		o := c.do("verify @/x.tar").want(7)
		if !strings.Contains(o.stdout+o.stderr, name) {
			t.Errorf("%s: %s%s", name, o.stdout, o.stderr)
		}
		flipByte(t, c.path(name), -1)
	}
	c.verifySound(c.path("x.tar"))
}

// No command reads a tar with unsafe members.
func TestUnsafeTarsAreRefused(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/x.tar SRC").want(0)
	good := readFile(t, c.path("x.tar"))
	for name, headers := range map[string][]*tar.Header{
		"traversal": {{Name: "../../etc/passwd",
			Typeflag: tar.TypeReg}},
		"absolute": {{Name: "/etc/passwd",
			Typeflag: tar.TypeReg}},
		"link": {{Name: "blobs/sha256/" + strings.Repeat("0", 64), Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}},
		"device": {{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1,
			Devminor: 3}},
		"twice": {{Name: "x", Typeflag: tar.TypeReg}, {Name: "x", Typeflag: tar.TypeReg}},
	} {
		c.writeFile("x.tar", addTarMembers(t, good, headers))
		want := wantedError{7, "x.tar: ", "no proper tool writes such a file"}
		for _, line := range []string{"verify @/x.tar", "load @/x.tar TO", "copy oci-archive:@/x.tar DST",
			"save -o @/y.tar oci-archive:@/x.tar", "save -o @/y.tar --since @/x.tar SRC"} {
			t.Run(name, func(t *testing.T) { c.do(line).wantError(want) })
		}
	}
	if n := c.target.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	if got := fileNames(t, c.path("")); len(got) != 2 {
		t.Errorf("there is %v", got)
	}
}

func addTarMembers(t testing.TB, archive string, headers []*tar.Header) string {
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

// must ends the test on an error.
func (p *program) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}
