package curl

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/audittest"
	"github.com/hczjl/transship/testdata/golden"
)

// scriptOf returns the script of an audit.
func scriptOf(t testing.TB, text string) string {
	t.Helper()
	s, err := Read(audittest.Reader(t, text))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestScript(t *testing.T) {
	golden.Compare(t, "record.sh", scriptOf(t, audittest.Golden(t)))
}

// shells returns the POSIX shells of this machine.
func shells(t *testing.T) []string {
	var found []string
	for _, name := range []string{"sh", "dash", "bash", "busybox"} {
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		t.Skip("there is no shell")
	}
	return found
}

// curlArgs runs a script with a curl that only logs its arguments, and returns those of each call.
// It fails if the script runs the program canary.
func curlArgs(t *testing.T, shell, script string, env ...string) [][]string {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	const curl = "#!/bin/sh\nfor a; do printf '%s\\0' \"$a\"; done >>\"$LOG\"; printf '\\001' >>\"$LOG\"\n"
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"curl": curl, "canary": "#!/bin/sh\ntouch \"$BASE/canary-ran\"\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(shell, "-s")
	if filepath.Base(shell) == "busybox" {
		cmd = exec.Command(shell, "sh", "-s")
	}
	cmd.Stdin, cmd.Dir = strings.NewReader(script), dir
	cmd.Env = append(env, "PATH="+bin+":"+os.Getenv("PATH"), "LOG="+filepath.Join(dir, "log"), "BASE="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", shell, err, out, script)
	}
	if _, err := os.Stat(filepath.Join(dir, "canary-ran")); err == nil {
		t.Errorf("%s ran a text of the audit:\n%s", shell, script)
	}
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var calls [][]string
	for call := range strings.SplitSeq(strings.TrimSuffix(string(log), "\x01"), "\x01") {
		calls = append(calls, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
	}
	return calls
}

// No text of an audit is more than a word in a command line.
func TestScriptQuotesTexts(t *testing.T) {
	evil := "$(canary)`canary`'\"; canary; '${x:-`canary`}\\"
	for _, shell := range shells(t) {
		e := audit.Entry{
			Sequence: 1, Attempt: 1, Method: "GET", Row: "end-8a", Status: 200,
			URL: "https://h$(canary)'/v2/" + evil + "/tags/list?n=" + evil,
			Request: audit.Message{Headers: http.Header{
				"X-Evil": {evil}, "Cookie": {redacted}, "@/etc/passwd": {"x"}, "X-Newline": {"a\ncanary"},
				"X Space": {"x"},
			}},
			Why: audit.Why{Image: evil, Command: evil + "\ncanary"}, Error: "",
		}
		broken := e
		broken.Sequence, broken.Row, broken.Error = 2, "\ncanary\n", "x\ncanary"
		broken.Request.Headers = nil
		refused := audit.Entry{Sequence: 3, Method: "GET", URL: "http://h/", Refused: "x\ncanary"}
		odd := []audit.Entry{
			{Sequence: 4, Method: "GET -o x", URL: "http://h/", Status: 200},
			{Sequence: 5, Method: "GET", URL: "file:///etc/passwd", Status: 200},
			{Sequence: 6, Method: "GET", URL: "http://h/\ncanary", Status: 200},
			{Sequence: 7, Method: "GET", URL: "-K/etc/passwd", Status: 200},
		}
		run := audit.Run{Command: []string{"copy", "\ncanary\n"}}
		text := audittest.JSONL(t, run, append([]audit.Entry{e, broken, refused}, odd...)...)
		calls := curlArgs(t, shell, scriptOf(t, text), "HEADER_COOKIE_H__CANARY__="+evil)
		path := url.URL{Path: "/v2/" + evil + "/tags/list"}
		to := "https://h$(canary)'" + path.EscapedPath() + "?n=" + evil
		want := [][]string{
			{"-sSfg", "-H", "Cookie: " + evil, "-H", "X-Evil: " + evil, to},
			{"-sSfg", to},
		}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("%s: %s", shell, diff)
		}
	}
}

// A script lists the secrets that it needs, and does nothing without them.
func TestScriptRequiresSecrets(t *testing.T) {
	e := audit.Entry{Sequence: 1, Method: "GET", Row: "end-1", Status: 200,
		URL:     "https://registry.example.com:5000/v2/?sig=REDACTED",
		Request: audit.Message{Headers: http.Header{"Authorization": {"Basic REDACTED"}}}}
	script := scriptOf(t, audittest.JSONL(t, audit.Run{}, e))
	if !strings.Contains(script, "# USERPASS_REGISTRY_EXAMPLE_COM_5000=    user:password for registry.example.com:5000\n") {
		t.Error(script)
	}
	cmd := exec.Command(shells(t)[0])
	cmd.Stdin, cmd.Dir, cmd.Env = strings.NewReader(script), t.TempDir(), []string{"PATH=/nowhere"}
	out, err := cmd.CombinedOutput()
	if want := "USERPASS_REGISTRY_EXAMPLE_COM_5000: must be set"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s", err, out)
	}
	calls := curlArgs(t, shells(t)[0], script, "USERPASS_REGISTRY_EXAMPLE_COM_5000=a:b", "QUERY_SIG_1=x%20y",
		"HOST_REGISTRY_EXAMPLE_COM_5000=http://localhost:1")
	if diff := cmp.Diff([][]string{{"-sSfg", "-u", "a:b", "http://localhost:1/v2/?sig=x%20y"}}, calls); diff != "" {
		t.Error(diff)
	}
}

// sequencesIn returns the sequences of the calls in a script, in its order.
func sequencesIn(script string) string {
	var out []string
	for line := range strings.Lines(script) {
		if n, _, ok := strings.Cut(strings.TrimPrefix(line, "# "), ": "); ok && strings.HasPrefix(line, "# ") &&
			len(n) < 3 {
			out = append(out, n)
		}
	}
	return strings.Join(out, " ")
}

// Content is fetched before it is sent, also in ranges. A call that needs itself does not hang.
func TestScriptOrder(t *testing.T) {
	start := time.Unix(0, 0)
	upload := audit.Entry{Sequence: 1, Method: "PUT", Row: "end-6", Status: 201, Start: start,
		URL: "http://b/v2/x/blobs/uploads/1?digest=" + audittest.Digest(1), Request: audit.Message{Bytes: 9}}
	part := audit.Entry{Sequence: 3, Method: "GET", Row: "end-2", Status: 200, Start: start,
		URL: "http://a/v2/x/blobs/" + audittest.Digest(1), Error: "EOF",
		Response: audit.Message{Bytes: 4, Headers: http.Header{"Content-Length": {"9"}}}}
	rest := part
	rest.Sequence, rest.Status, rest.Error, rest.Request.Headers = 5, 206, "", http.Header{"Range": {"bytes=4-"}}
	rest.Response = audit.Message{Bytes: 5, Headers: http.Header{"Content-Range": {"bytes 4-8/9"}}}
	again := part
	again.Sequence, again.Error, again.Response.Bytes = 6, "", 9
	circle := audit.Entry{Sequence: 4, Method: "GET", Row: "redirect", Status: 302, URL: "http://c/",
		Why: audit.Why{RedirectOf: 4}, Response: audit.Message{Headers: http.Header{"Location": {"/x"}}}}
	other := circle
	other.Sequence, other.Why.RedirectOf, circle.Why.RedirectOf = 2, 4, 2
	script := scriptOf(t, audittest.JSONL(t, audit.Run{}, part, upload, rest, circle, other, again))
	if got := sequencesIn(script); got != "3 5 1 4 2 6" {
		t.Errorf("order %s:\n%s", got, script)
	}
	for _, line := range []string{
		"\n{ dd bs=1 seek=4 count=0 conv=notrunc 2>/dev/null </dev/null; curl ",
		"; } 1<>blobs/sha256/" + audittest.Digest(1)[7:] + "\nwhole sha256 ",
		" || :\n",
	} {
		if !strings.Contains(script, line) {
			t.Errorf("it does not say %q:\n%s", line, script)
		}
	}
}

// A content is complete once it has no gap, in any order of the ranges.
func TestCoverage(t *testing.T) {
	for name, test := range map[string]struct {
		ranges []contentRange
		last   int // number of the range that completes it, from 1; 0 for none
	}{
		"at once":                 {[]contentRange{{0, 9, 9}}, 1},
		"truncated":               {[]contentRange{{0, 4, 9}}, 0},
		"resumed":                 {[]contentRange{{0, 4, 9}, {4, 9, 9}}, 2},
		"in any order":            {[]contentRange{{6, 9, 9}, {3, 6, 9}, {0, 3, 9}, {0, 9, 9}}, 3},
		"a part twice":            {[]contentRange{{0, 3, 9}, {3, 4, 9}, {3, 6, 9}, {6, 9, 9}}, 4},
		"broken off, then ranges": {[]contentRange{{0, 5, 9}, {4, 8, 9}, {8, 9, 9}}, 3},
		"of unknown size":         {[]contentRange{{0, 9, 0}}, 0},
		"with a gap":              {[]contentRange{{0, 3, 9}, {4, 9, 9}}, 0},
	} {
		var c coverage
		last := 0
		for i, p := range test.ranges {
			if c.add(p) {
				last = i + 1
				break
			}
		}
		if last != test.last {
			t.Errorf("%s: complete with range %d, want %d", name, last, test.last)
		}
	}
}

func TestTokenCallOf(t *testing.T) {
	scope := func(names ...string) string {
		u := "http://tokens/token?service=x"
		for _, n := range names {
			u += "&scope=repository%3A" + n + "%3Apull"
		}
		return u
	}
	call := func(n int64, host, name string) audit.Entry {
		return audit.Entry{Sequence: n, Method: "GET", Row: "end-3", Status: 200,
			URL: "http://" + host + "/v2/" + name + "/manifests/1"}
	}
	token := func(n, of int64, url string) audit.Entry {
		return audit.Entry{Sequence: n, Method: "GET", Row: "token", Status: 200, URL: url,
			Why: audit.Why{TokenFor: of}}
	}
	failed := token(9, 1, scope("a/b"))
	failed.Status = 401
	text := audittest.JSONL(t, audit.Run{}, call(1, "r", "a/b"), token(2, 1, scope("a/b")), call(3, "r", "c/d"),
		token(4, 3, scope("c/d", "a/b")),
		call(5, "s", "a/b"), token(6, 5, scope("a/b")), token(7, 0, scope("e/f")), token(8, 0, "http://tokens/token"),
		failed,
		call(10, "r", "a/b"), call(11, "r", "c/d"), call(12, "s", "a/b"), call(13, "r", "e/f"), call(14, "t", "x"))
	s, err := Read(audittest.Reader(t, text))
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int64]int64{1: 0, 3: 2, 5: 0, 10: 4, 11: 4, 12: 6, 13: 7, 14: 8} {
		got := int64(0)
		if found := s.tokenCallOf(s.bySequence[n]); found != nil {
			got = found.sequence
		}
		if got != want {
			t.Errorf("call %d: token of call %d, want %d", n, got, want)
		}
	}
}

// A host that was tried with http and answered with https has one variable.
func TestScriptSchemes(t *testing.T) {
	call := func(n int64, scheme string, status int) audit.Entry {
		return audit.Entry{Sequence: n, Method: "GET", Row: "end-1", Status: status,
			URL: scheme + "://localhost:5000/v2/"}
	}
	script := scriptOf(t, audittest.JSONL(t, audit.Run{}, call(1, "http", 400), call(2, "https", 200),
		call(3, "http", 0)))
	for env, want := range map[string][2]string{
		"X=":                              {"http://localhost:5000/v2/", "https://localhost:5000/v2/"},
		"HOST_LOCALHOST_5000=https://b:1": {"http://b:1/v2/", "https://b:1/v2/"},
		"HOST_LOCALHOST_5000=http://b:1":  {"http://b:1/v2/", "http://b:1/v2/"},
	} {
		calls := curlArgs(t, shells(t)[0], script, env)
		diff := cmp.Diff([][]string{{"-sSg", "-o", "/dev/null", want[0]}, {"-sSfg", want[1]},
			{"-sSg", "-o", "/dev/null", want[0]}}, calls)
		if diff != "" {
			t.Errorf("%s: %s", env, diff)
		}
	}
}

// A call whose body a policy cut off was sent, so the script repeats it.
func TestScriptOfCutBody(t *testing.T) {
	e := audit.Entry{Sequence: 1, Attempt: 1, Method: "GET", URL: "http://h/v2/x/blobs/" + audittest.Digest(1),
		Row: "end-2", Status: 200,
		Peer: "127.0.0.1:1", Timings: audit.Timings{Receive: time.Second}, Response: audit.Message{Bytes: 7},
		Refused: "max-bytes", Error: "refused"}
	script := scriptOf(t, audittest.JSONL(t, audit.Run{}, e))
	if !strings.Contains(script, "\ncurl -sSfg ") || !strings.Contains(script, "broken off after 1s") {
		t.Error(script)
	}
}

func FuzzScript(f *testing.F) {
	audittest.Fuzz(f, func(t *testing.T, text string) { checkQuotes(t, scriptOf(t, text)) })
}

// checkQuotes checks that every quotation in a script ends, and that only printable ASCII is
// outside of quotations.
func checkQuotes(t *testing.T, script string) {
	t.Helper()
	lineStart := true
	for rest := script; rest != ""; {
		c, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		ok := true
		switch {
		case c == '#' && lineStart:
			_, rest, _ = strings.Cut(rest, "\n")
			continue
		case c == '\\':
			_, size = utf8.DecodeRuneInString(rest)
			rest = rest[size:]
		case c == '\'':
			if _, rest, ok = strings.Cut(rest, "'"); !ok {
				t.Fatalf("a quotation has no end:\n%s", script)
			}
		case c > '~' || c < ' ' && c != '\n' && c != '\t':
			t.Fatalf("%q is not quoted:\n%s", c, script)
		}
		lineStart = c == '\n'
	}
}

// The name of a repository may contain words of the API's paths.
func TestTokenCallOfRepositoryNamedLikeTheAPI(t *testing.T) {
	token := func(n int64, scope string) *call {
		return &call{sequence: n, query: "scope=" + url.QueryEscape(scope)}
	}
	for path, name := range map[string]string{
		"/v2/a/blobs/b/manifests/1":         "a/blobs/b",
		"/v2/a/manifests/b/blobs/sha256:0":  "a/manifests/b",
		"/v2/a/manifests/b/blobs/uploads/1": "a/manifests/b",
		"/v2/a/tags/list/tags/list":         "a/tags/list",
		"/v2/referrers/x/referrers/sha256:": "referrers/x",
		"/v2/uploads/blobs/uploads/":        "uploads",
	} {
		matching := token(1, "repository:"+name+":pull")
		s := &Script{tokenCalls: []*call{matching, token(2, "repository:a:pull")}}
		if s.tokenCallOf(&call{sequence: 3, path: path}) != matching {
			t.Errorf("%s: got a token for another repository than %s", path, name)
		}
	}
}
