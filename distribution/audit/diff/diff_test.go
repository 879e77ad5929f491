package diff

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/audittest"
)

// compare compares two audits, one of each format.
func compare(t testing.TB, a, b []audit.Entry) Result {
	t.Helper()
	return Compare(read(t, audittest.JSONL(t, audit.Run{}, a...)), read(t, har(t, b...)))
}

func read(t testing.TB, text string) *Calls {
	t.Helper()
	c, err := Read(audittest.Reader(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func har(t testing.TB, entries ...audit.Entry) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "record.har")
	w, err := audit.Create(name, audit.Run{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// changeLines describes each change in a line.
func changeLines(d Result) []string {
	var out []string
	for _, c := range d.Changes {
		text := fmt.Sprintf("%s %d %s %s%s", c.Kind, c.Times, c.Method, c.Host, c.Path)
		for _, x := range c.Details {
			text += fmt.Sprintf("; %s %q %q", x.Name, x.A, x.B)
		}
		out = append(out, text)
	}
	return out
}

// Order, times, ports, upload sessions and headers that mean nothing in the protocol do not matter.
func TestCompareIgnoresWhatDiffersInEveryRun(t *testing.T) {
	a, b := audittest.Entries(t, audittest.Golden(t)), audittest.Entries(t, audittest.Golden(t))
	if d := compare(t, a, b); !d.Equal() || d.A.Calls != 23 || len(d.Hosts) != 4 {
		t.Errorf("%+v", d)
	}
	rename := strings.NewReplacer("registry.example.com", "127.0.0.1:5001", "registry-1.docker.io", "127.0.0.1:50", "auth.docker.io", "127.0.0.1:500",
		"storage.example.net", "127.0.0.1:5", "uploads/aaa", "uploads/zzz", "uploads/bbb", "uploads/0b1c")
	for i := range b {
		b[i].Start = b[i].Start.AddDate(1, 0, 0)
		b[i].Sequence = int64(len(b) - i)
		b[i].Timings.Wait *= 3
		b[i].URL = rename.Replace(b[i].URL)
		for name, values := range b[i].Response.Headers {
			b[i].Response.Headers[name] = []string{rename.Replace(values[0])}
		}
		if b[i].Response.Headers == nil {
			b[i].Response.Headers = http.Header{}
		}
		b[i].Response.Headers.Set("X-Request-Id", fmt.Sprint(i))
		b[i].Response.Headers.Set("Date", "Sat, 03 Jan 2026 03:04:05 GMT")
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	d := compare(t, a, b)
	if !d.Equal() {
		t.Errorf("%s", strings.Join(changeLines(d), "\n"))
	}
	want := []HostPair{
		{"registry-1.docker.io", "127.0.0.1:50", "source"}, {"auth.docker.io", "127.0.0.1:500", "token server"},
		{"registry.example.com", "127.0.0.1:5001", "target"}, {"storage.example.net", "127.0.0.1:5", "storage"},
	}
	if diff := cmp.Diff(want, d.Hosts); diff != "" {
		t.Error(diff)
	}
}

func TestCompare(t *testing.T) {
	get := func(url string, more func(*audit.Entry)) audit.Entry {
		e := audit.Entry{Sequence: 1, Attempt: 1, Method: "GET", URL: url, Status: 200, Row: "end-2", Protocol: "HTTP/1.1",
			Request: audit.Message{Headers: http.Header{}}, Response: audit.Message{Headers: http.Header{}}}
		if more != nil {
			more(&e)
		}
		return e
	}
	blob := func(n int) audit.Entry {
		return get("http://a/v2/x/blobs/"+audittest.Digest(n), func(e *audit.Entry) { e.Response.Digest, e.Response.Bytes = audittest.Digest(n), int64(n) })
	}
	tag := get("http://a/v2/x/manifests/1", func(e *audit.Entry) { e.Row = "end-3"; e.Response.Digest = audittest.Digest(1) })
	with := func(e audit.Entry, change func(*audit.Entry)) audit.Entry {
		e.Request.Headers, e.Response.Headers = e.Request.Headers.Clone(), e.Response.Headers.Clone()
		change(&e)
		return e
	}
	failed := with(tag, func(e *audit.Entry) { e.Status, e.Response.Digest = 503, "" })
	tests := map[string]struct {
		a, b []audit.Entry
		want []string
	}{
		"both empty": {nil, nil, nil},
		"added":      {[]audit.Entry{tag}, []audit.Entry{tag, blob(1)}, []string{"added 1 GET a/v2/x/blobs/" + audittest.Digest(1)}},
		"gone":       {[]audit.Entry{tag, tag, tag}, []audit.Entry{tag}, []string{"gone 2 GET a/v2/x/manifests/1"}},
		"many gone": {[]audit.Entry{blob(1), blob(2), blob(3), blob(4), blob(5)}, []audit.Entry{blob(5)},
			[]string{"gone 4 GET a/v2/x/blobs/{digest}"}},
		"tried twice": {[]audit.Entry{tag}, []audit.Entry{failed, tag}, []string{"added 1 GET a/v2/x/manifests/1"}},
		"failed":      {[]audit.Entry{tag}, []audit.Entry{failed}, []string{`different 1 GET a/v2/x/manifests/1; status "200" "503"; received digest "` + audittest.Digest(1) + `" ""`}},
		"broken off": {[]audit.Entry{blob(9)}, []audit.Entry{with(blob(9), func(e *audit.Entry) { e.Error, e.Response.Bytes, e.Response.Digest = "EOF", 4, "" })},
			[]string{"different 1 GET a/v2/x/blobs/" + audittest.Digest(9) + `; error "" "broken off"; received "9" "4"; received digest "` + audittest.Digest(9) + `" ""`}},
		"the tag points at another image": {[]audit.Entry{tag, blob(1), blob(2)}, []audit.Entry{with(tag, func(e *audit.Entry) { e.Response.Digest = audittest.Digest(7) }), blob(3), blob(2)},
			[]string{`different 1 GET a/v2/x/manifests/1; received digest "` + audittest.Digest(1) + `" "` + audittest.Digest(7) + `"`, "replaced 1 GET a/v2/x/blobs/{digest}"}},
		"other content, and more of it": {[]audit.Entry{blob(1), blob(2)}, []audit.Entry{blob(3), blob(4), blob(5)},
			[]string{"replaced 2 GET a/v2/x/blobs/{digest}", "added 1 GET a/v2/x/blobs/" + audittest.Digest(5)}},
		"other content, with another status": {[]audit.Entry{blob(1)}, []audit.Entry{with(blob(2), func(e *audit.Entry) { e.Status = 307 })},
			[]string{`replaced 1 GET a/v2/x/blobs/{digest}; status "200" "307"`}},
		"a header of the protocol": {[]audit.Entry{tag}, []audit.Entry{with(tag, func(e *audit.Entry) { e.Request.Headers.Set("Authorization", "Bearer REDACTED") })},
			[]string{`different 1 GET a/v2/x/manifests/1; request Authorization "" "Bearer REDACTED"`}},
		"another header": {[]audit.Entry{tag}, []audit.Entry{with(tag, func(e *audit.Entry) { e.Response.Headers.Set("Server", "x") })}, nil},
		"refused": {[]audit.Entry{tag}, []audit.Entry{with(tag, func(e *audit.Entry) {
			e.Status, e.Refused, e.Error, e.Response.Digest, e.Protocol = 0, "expect", "x", "", ""
		})},
			[]string{`different 1 GET a/v2/x/manifests/1; status "200" "0"; refused by "" "expect"; protocol "HTTP/1.1" ""; received digest "` + audittest.Digest(1) + `" ""`}},
		"http and https":    {[]audit.Entry{tag}, []audit.Entry{with(tag, func(e *audit.Entry) { e.URL = "https://a/v2/x/manifests/1" })}, []string{`different 1 GET a/v2/x/manifests/1; scheme "http" "https"`}},
		"another method":    {[]audit.Entry{tag}, []audit.Entry{with(tag, func(e *audit.Entry) { e.Method = "HEAD" })}, []string{"gone 1 GET a/v2/x/manifests/1", "added 1 HEAD a/v2/x/manifests/1"}},
		"the query's order": {[]audit.Entry{get("http://a/v2/x/tags/list?n=1&last=b", nil)}, []audit.Entry{get("http://a/v2/x/tags/list?last=b&n=1", nil)}, nil},
		"storage's folders": {[]audit.Entry{get("http://a/s/"+audittest.Digest(1)[7:9]+"/"+audittest.Digest(1)[7:]+"/data", nil)}, []audit.Entry{get("http://a/s/"+audittest.Digest(2)[7:9]+"/"+audittest.Digest(2)[7:]+"/data", nil)},
			[]string{"replaced 1 GET a/s/{digest}/data"}},
		"sessions unlike those in the specification": {[]audit.Entry{get("http://a/up?id=REDACTED", func(e *audit.Entry) { e.Row = "end-6" })}, []audit.Entry{get("http://a/other?id=REDACTED", func(e *audit.Entry) { e.Row = "end-6" })}, nil},
		"uploads to another repository": {
			[]audit.Entry{get("http://a/v2/x/blobs/uploads/1", func(e *audit.Entry) { e.Row = "end-13" })},
			[]audit.Entry{get("http://a/v2/y/blobs/uploads/1", func(e *audit.Entry) { e.Row = "end-13" })},
			[]string{"gone 1 GET a/v2/x/blobs/uploads/{session}", "added 1 GET a/v2/y/blobs/uploads/{session}"}},
		"another host": {[]audit.Entry{tag, get("http://b/", nil)}, []audit.Entry{tag}, []string{"gone 1 GET b/"}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, changeLines(compare(t, test.a, test.b))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	d := compare(t, tests["other content, and more of it"].a, tests["other content, and more of it"].b)
	if d.Count(Replaced) != 2 || d.Count(Added) != 1 || d.Count(Gone) != 0 || d.Equal() {
		t.Errorf("%+v", d)
	}
}

// No audit differs from itself.
func FuzzCompare(f *testing.F) {
	audittest.Fuzz(f, func(t *testing.T, text string) {
		if r := Compare(read(t, text), read(t, text)); !r.Equal() {
			t.Errorf("%+v", r)
		}
	})
}
