package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hczjl/transship/distribution/audit/diff"
)

// sampleAudit is an audit with retries, redirects, tokens and refusals, written by package audit's
// tests.
const sampleAudit = "../../distribution/audit/testdata/record.jsonl"

func TestAuditShow(t *testing.T) {
	o := newProgram(t).run("audit", "show", sampleAudit).want(0)
	golden(t, "audit-show.txt", o.stdout)
	for line := range strings.Lines(o.stdout) {
		if n := utf8.RuneCountInString(line); n > 101 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if o.stderr != "" {
		t.Errorf("standard error: %s", o.stderr)
	}
}

func TestAuditShowJSON(t *testing.T) {
	o := newProgram(t).run("audit", "show", "--json", "--top", "2", sampleAudit).want(0)
	var got struct {
		Wall  float64
		Blobs []any
	}
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || got.Wall != 2935 || len(got.Blobs) != 2 {
		t.Errorf("%v: %+v", err, got)
	}
}

// checkXML checks that a text is XML.
func checkXML(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAuditWaterfall(t *testing.T) {
	p := newProgram(t)
	out := filepath.Join(p.env["HOME"], "x.svg")
	if o := p.run("audit", "waterfall", sampleAudit, "-o", out).want(0); o.stdout != "" || o.stderr != "" {
		t.Errorf("prints %q and %q", o.stdout, o.stderr)
	}
	image, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	checkXML(t, string(image))
	if o := p.run("audit", "waterfall", sampleAudit, "-o", "-").
		want(0); o.stdout != string(image) || !strings.Contains(o.stdout, ">3.6 MB<") {
		t.Error("standard output has another image")
	}
	p.run("audit", "waterfall", sampleAudit).wantError(wantedError{2, "-o is missing", "-o FILE.svg"})
	p.run("audit", "waterfall", sampleAudit, "-o", p.env["HOME"]+"/no/x.svg").
		wantError(wantedError{4, "no such file or directory", ""})
}

// audit show and waterfall read what --audit has written, in both formats.
func TestAuditShowOfCopy(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"jsonl", "har"} {
		c := newCopySetup(t)
		file := filepath.Join(c.env["HOME"], "audit."+format)
		c.run("copy", "-q", "--audit", file, c.src, c.dst).want(0)
		shown := c.run("audit", "show", file).want(0).stdout
		for _, part := range []string{", finished\n", "Calls  30 on ", "as expected: 404\n", "end-2    pull blob ",
			"\nHow the ", "\nThe critical path, ", "\nBlobs that took longest"} {
			if !strings.Contains(shown, part) {
				t.Errorf("%s: it does not say %q:\n%s", format, part, shown)
			}
		}
		checkXML(t, c.run("audit", "waterfall", file, "-o", "-").want(0).stdout)
	}
}

// browserHAR is a HAR as a browser writes it.
const browserHAR = `{"log": {"version": "1.2", "creator": {"name": "Firefox", "version": "128.0"}, "pages": [], "entries": [
  {"startedDateTime": "2026-01-02T03:04:05.678+01:00", "time": 12.5, "cache": {},
   "request": {"method": "GET", "url": "https://r.example/v2/a/b/manifests/1?token=` + secret + `", "httpVersion": "h2", "cookies": [], "queryString": [],
     "headers": [{"name": "authorization", "value": "Bearer ` + secret + `"}, {"name": ":path", "value": "/x"}], "headersSize": -1, "bodySize": 0},
   "response": {"status": 200, "statusText": "", "httpVersion": "h2", "cookies": [], "redirectURL": "", "headers": [],
     "content": {"size": 5, "mimeType": "text/plain", "text": "hello"}, "headersSize": -1, "bodySize": -1},
   "timings": {"blocked": -1, "dns": 1, "ssl": 2, "connect": 5, "send": 0, "wait": 6.5, "receive": 0}}]}}`

// HARs of other tools and truncated or damaged audits are used as far as they can be read. Other
// files are refused with a message that says what they are not.
func TestAuditReadsOtherAndDamagedFiles(t *testing.T) {
	p := newProgram(t)
	text, err := os.ReadFile(sampleAudit)
	if err != nil {
		t.Fatal(err)
	}
	cut := string(text[:len(text)-400])
	lines := strings.SplitAfter(string(text), "\n")
	for name, test := range map[string]struct {
		file, text string
		code       int
		message    string
	}{
		"another tool's":    {"x.har", browserHAR, 0, ""},
		"an odd name":       {"x.txt", string(text), 0, ""},
		"a HAR named jsonl": {"y.jsonl", browserHAR, 0, ""},
		"cut": {"x.jsonl", cut, 0,
			"x.jsonl: line 24: it is cut off, as if the run was killed or is still going on; what comes before is used"},
		"a HAR, cut": {"z.har", browserHAR[:len(browserHAR)-2], 0, "z.har: entry 1: it is cut off"},
		"damaged": {"d.jsonl", strings.Join(lines[:5], "") + "x\n" + lines[5], 0,
			"d.jsonl: line 6: invalid character 'x'"},
		"empty":               {"e.jsonl", "", 7, "e.jsonl: it is neither an audit of JSON lines nor a HAR"},
		"another document":    {"d.jsonl", "{\n \"images\": []\n}\n", 7, "d.jsonl: it is neither an audit"},
		"no audit":            {"n.jsonl", "hello", 7, "n.jsonl: it is neither an audit"},
		"JSON of another use": {"j.jsonl", `{"a":1}` + "\n", 7, "j.jsonl: line 1: it is no record of an audit"},
	} {
		file := p.writeFile(test.file, test.text)
		for _, args := range [][]string{{"show"}, {"show", "--json"}, {"waterfall", "-o", "-"}, {"curl"},
			{"diff", file}} {
			o := p.run(append(append([]string{"audit"}, args...), file)...).want(test.code, test.message)
			if test.message == "" && o.stderr != "" || test.code != 0 && (o.stdout != "") != slices.Contains(args, "--json") {
				t.Errorf("%s: %s: standard output %q, error %q", name, o.line, o.stdout, o.stderr)
			}
		}
	}
	p.run("audit", "show", "/no/such.jsonl").wantError(wantedError{4, "no such file or directory", ""})
	p.run("audit", "show", p.env["HOME"]).wantError(wantedError{7, "is neither a file nor a pipe", ""})
}

func TestAuditDiff(t *testing.T) {
	c := newCopySetup(t)
	file := func(n string) string { return filepath.Join(c.env["HOME"], n+".jsonl") }
	copyTo := func(name, dst string) { c.run("copy", "-q", "--audit", file(name), c.src, dst).want(0) }
	copyTo("a", c.dst)
	copyTo("b", startServer(t).host+"/dst/repo:1.6")
	copyTo("again", c.dst)
	if o := c.run("audit", "diff", file("a"), file("b")).want(0); o.stdout != "" || o.stderr != "" {
		t.Errorf("two cold copies differ:\n%s%s", o.stdout, o.stderr)
	}
	o := c.run("audit", "diff", file("a"), file("again")).want(1, "the calls differ: 28 gone, 0 added, 1 changed")
	for _, line := range []string{
		"--- " + file("a") + "\n+++ " + file("again") + "\n",
		"\n~ HEAD " + c.target.host + "/v2/dst/repo/manifests/1.6\n    status: 404 -> 200\n",
		"\n- POST " + c.target.host + "/v2/dst/repo/blobs/uploads/?from=dst/repo&mount={digest}  7 times\n",
	} {
		if !strings.Contains(o.stdout, line) {
			t.Errorf("it does not say %q:\n%s", line, o.stdout)
		}
	}
	var d diff.Result
	o = c.run("audit", "diff", "--json", file("again"), file("a")).want(1)
	if err := json.Unmarshal([]byte(o.stdout), &d); err != nil || d.Count(diff.Added) != 28 ||
		d.Count(diff.Different) != 1 {
		t.Errorf("%v: %+v", err, d)
	}
	// On an error other than a difference, standard output is empty.
	if o := c.run("audit", "diff", file("a"), "/no/such.jsonl").want(4); o.stdout != "" {
		t.Error(o.stdout)
	}
}

// docs/example.svg is the waterfall of docs/example.har. "make example" makes both.
func TestDocsExampleIsCurrent(t *testing.T) {
	p := newProgram(t)
	o := p.run("audit", "verify", "../../docs/example.har").want(0)
	if !strings.Contains(o.stdout, ": 39 calls, as they were written by transship ") {
		t.Error(o.stdout)
	}
	golden(t, "../../../docs/example.svg", p.run("audit", "waterfall", "../../docs/example.har", "-o",
		"-").want(0).stdout)
}
