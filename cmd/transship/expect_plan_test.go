package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// expectsPlan makes the list of a command line by --plan=expect and runs the command line under it.
func (p *program) expectsPlan(args ...string) (list string) {
	p.t.Helper()
	o := p.run(append(args[:len(args):len(args)], "--plan=expect")...).want(0)
	file := p.writeFile("calls.expect", o.stdout)
	p.run(append(args[:len(args):len(args)], "--expect", file)...).want(0)
	return o.stdout
}

// expectsLine is expectsPlan for a line with the placeholders of do.
func (c *copySetup) expectsLine(line string) (list string) {
	c.t.Helper()
	o := c.do(line + " --plan=expect").want(0)
	c.writeFile("calls.expect", o.stdout)
	c.do(line + " --expect @/calls.expect").want(0)
	return o.stdout
}

// The list that --plan=expect prints is the one that the run keeps to, also where several blobs move
// at a time.
func TestPlannedListHoldsForTheRun(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.pushReferrers(2)
	for _, line := range []string{
		"copy SRC DST", "copy SRC DST", // the second finds all there
		"copy SRC FROM/mirror:1", // mounts
		"copy --chunk-size 40 SRC TO/chunks:1",
		"copy --platform linux/arm64 --flatten SRC TO/flat:1",
		"copy --referrers SRC TO/signed:1",
		"copy SRC TO/a:1 TO/b:2 FROM/c:3",
		"copy SRC oci-archive:@/x.tar",
		"save -o @/b.tar SRC",
		"load @/b.tar TO/loaded",
		"load @/b.tar TO/loaded",
		"pull SRC",
	} {
		c.expectsLine(line)
	}
	c.do("tag SRC TO/pushed:1").want(0)
	c.expectsLine("push TO/pushed:1")
	c.do("tag SRC FROM/mounted:1").want(0)
	c.expectsLine("push FROM/mounted:1")
}

// Images that share blobs get them from whichever comes first.
func TestPlannedListHoldsForSeveralImages(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	for i := range 6 {
		c.source.pushImage("several", string(rune('a'+i)), "linux/amd64", "shared", string(rune('a'+i)))
	}
	// Which image is the first with a blob is left to chance. The one that goes to a folder too shares none, not even its
	// config: as the first with it, it would read that once for both of its targets, and else again for the folder.
	c.source.pushImage("alone", "1", "linux/riscv64", "alone")
	c.writeList("FROM/several TO/several\nFROM/several:a TO/other\nFROM/tool:2 TO/tool\nFROM/alone:1 TO/alone oci:@/alone\n" +
		"FROM/app:v* TO/app\n")
	c.expectsLine("sync -f @/images")
	c.expectsLine("sync -f @/images")
	c.writeList("FROM/several\nFROM/app:v*\nFROM/tool:2\n")
	c.do("save -o @/all.tar -f @/images").want(0)
	c.expectsLine("load @/all.tar TO/loaded")
}

// Images that go to several targets at once get shared blobs from one another, as those with one target.
func TestPlannedListHoldsForSeveralTargets(t *testing.T) {
	t.Parallel()
	for _, jobs := range []string{"", " --jobs 1"} {
		c := newSyncSetup(t)
		for i := range 6 {
			c.source.pushImage("several", string(rune('a'+i)), "linux/amd64", "shared", string(rune('a'+i)))
		}
		c.writeList("FROM/several TO/several TO/copy/several\nFROM/several:a TO/other\n" +
			"FROM/tool:2 TO/tool TO/a/tool FROM/b/tool\nFROM/app:v* TO/app TO/c/app\nFROM/src/repo:1.6 TO/x TO/y\n")
		c.expectsLine("sync -f @/images" + jobs)
		if n := c.target.Count("^PUT .*/blobs/"); n != 18 {
			t.Errorf("%d blobs were uploaded, want each once", n)
		}
		c.expectsLine("sync -f @/images" + jobs)
	}
}

func TestPlannedListOfManifestPush(t *testing.T) {
	t.Parallel()
	b, other := newListSetup(t), startServer(t)
	b.pushImage("other/repo", "riscv", "linux/riscv64", "x", "y")
	other.pushImage("elsewhere/repo", "s390x", "linux/s390x", "far", "away")
	b.do("create LIST REPO:amd64 HOST/other/repo:riscv " + other.host + "/elsewhere/repo:s390x").want(0)
	list := b.expectsPlan("manifest", "push", b.list)
	if !strings.Contains(list, "{digest}") && !strings.Contains(list, "/*?digest=sha256:") {
		t.Errorf("the uploads are not in\n%s", list)
	}
}

// A registry may put uploads anywhere.
func TestPlannedListLeavesUploadAddressesOpen(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.target.Handler = movedUploads{c.target.Handler}
	list := c.expectsLine("copy SRC DST")
	if !strings.Contains(list, "\nPUT /*?digest=sha256:") || !strings.HasSuffix(list,
		"\n\nPUT "+c.target.host+"/v2/dst/repo/manifests/1.6\n") {
		t.Errorf("the list is\n%s", list)
	}
}

// movedUploads has upload sessions below /elsewhere.
type movedUploads struct{ next http.Handler }

// ServeHTTP implements http.Handler.
func (m movedUploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, moved := strings.CutPrefix(r.URL.Path, "/elsewhere"); moved {
		r.URL.Path = path
	}
	m.next.ServeHTTP(&movedLocation{w}, r)
}

// movedLocation moves the Location of an upload.
type movedLocation struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (m *movedLocation) WriteHeader(status int) {
	if at := m.Header().Get("Location"); status == http.StatusAccepted && at != "" {
		if i := strings.Index(at, "/v2/"); i >= 0 {
			m.Header().Set("Location", at[:i]+"/elsewhere"+at[i:])
		}
	}
	m.ResponseWriter.WriteHeader(status)
}

func TestPlannedListWithTokens(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	src := listen(t, &registry.Faults{Handler: &tokenRegistry{next: c.source}})
	dst := listen(t, &registry.Faults{Handler: &tokenRegistry{next: c.target, public: true}})
	account := user + ":" + password
	list := c.expectsPlan("copy", "--src-creds="+account, "--dst-creds="+account, src+"/src/repo:1.6", dst+"/a:1")
	if !strings.Contains(list, "/token?") || strings.Contains(list, secret) {
		t.Errorf("the list is\n%s", list)
	}
	c.expectsPlan("copy", "--src-creds="+account, "--dst-creds="+account, src+"/src/repo:1.6", dst+"/a:1")
	c.expectsPlan("pull", "--creds="+account, src+"/src/repo:1.6")
	c.run("save", "--creds="+account, "-o", c.path("t.tar"), src+"/src/repo:1.6").want(0)
	c.expectsPlan("load", "--creds="+account, c.path("t.tar"), dst+"/loaded")
	c.run("tag", src+"/src/repo:1.6", dst+"/pushed:1").want(0)
	c.expectsPlan("push", "--creds="+account, dst+"/pushed:1")
	file := c.writeFile("list", src+"/src/repo:1.6 "+dst+"/synced:1 "+dst+"/synced:2\n")
	c.expectsPlan("sync", "--jobs=1", "--src-creds="+account, "--dst-creds="+account, "-f", file)
}

func TestPlannedListOfRedirects(t *testing.T) {
	c := newCopySetup(t)
	c.source.Handler = blobRedirector{c.source.Handler}
	c.expectsLine("copy SRC DST")
}

// Half a list is none, and a list of nothing would refuse every call.
func TestPlannedListThatCannotBe(t *testing.T) {
	c := newCopySetup(t)
	c.do("copy SRC oci:@/here").want(0)
	for line, want := range map[string]wantedError{
		"copy --plan=expect FROM/none:1 DST":                    {4, "404 Not Found", ""},
		"copy --plan=expect SRC DST " + closedAddress + "/a:1":  {8, "1 of 2 failed", ""},
		"copy --plan=expect oci:@/here oci:@/there":             {cli.ExitUsage, "the run makes no call", "--plan=expect"},
		"copy --plan=expect --expect @/here/index.json SRC DST": {cli.ExitUsage, "line 1: ", ""},
	} {
		o := c.do(line)
		o.want(want.code, want.message, want.hint)
		if o.stdout != "" {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	c.do("copy --plan=expect --json SRC DST").want(cli.ExitUsage, "prints lines, not JSON")
}

func TestBadListsNameTheLine(t *testing.T) {
	c := newCopySetup(t)
	for text, want := range map[string]string{
		"":                                     "line 1: the list ends without a call",
		"# none\n\n":                           "line 2: the list ends without a call",
		"GET /v2/\nFETCH /v2/\n":               `line 2: "FETCH" is not a method`,
		"GET registry.example.com":             `line 1: "registry.example.com" has no path`,
		"\nGET /v2/ x0":                        `line 2: "x0" is not a count`,
		"GET /v2/ three":                       `line 1: "three" is not a count`,
		"GET":                                  "line 1: want METHOD PATH",
		"GET /v2/{repository}/x":               "line 1: {repository} is none of {name}",
		strings.Repeat("a", 100000):            "line 1: it is longer than",
		"\x00\x01" + strings.Repeat("a", 9999): "line 1: want METHOD PATH",
	} {
		c.writeFile("bad.txt", text)
		c.runFails("copy --expect "+c.path("bad.txt")+" SRC DST", wantedError{cli.ExitUsage, want, ""})
	}
	if err := os.WriteFile(c.path("bom.txt"), []byte("\r\nGET /v2/\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.do("copy --expect @/bom.txt SRC DST").want(9, "it is not expected")
}

// The example of the page is a list, and the page is found as that of a command is.
func TestExpectPage(t *testing.T) {
	p := newProgram(t)
	page := p.run("help", "expect").want(0).stdout
	if page != p.run("expect", "--help").stdout || !strings.Contains(p.run("help").stdout, "transship help expect") {
		t.Error("the page is not found")
	}
	_, example, _ := strings.Cut(page, "Example")
	_, example, _ = strings.Cut(example, "\n")
	example, _, _ = strings.Cut(example, "\n\nA file")
	p.run("digest", "--expect", p.writeFile("example", example), closedAddress+"/a:1").want(9, "policy expect refuses HEAD")
	p.run("expect").want(cli.ExitUsage, `unknown command "expect"`)
}
