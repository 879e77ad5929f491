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
	rename := strings.NewReplacer(
		"registry.example.com", "127.0.0.1:5001", "registry-1.docker.io", "127.0.0.1:50",
		"auth.docker.io", "127.0.0.1:500", "storage.example.net", "127.0.0.1:5",
		"uploads/aaa", "uploads/zzz", "uploads/bbb", "uploads/0b1c")
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
		{"registry-1.docker.io", "127.0.0.1:50", "source"},
		{"auth.docker.io", "127.0.0.1:500", "token server"},
		{"registry.example.com", "127.0.0.1:5001", "target"},
		{"storage.example.net", "127.0.0.1:5", "storage"},
	}
	if diff := cmp.Diff(want, d.Hosts); diff != "" {
		t.Error(diff)
	}
}

func TestCompare(t *testing.T) {
	type entries = []audit.Entry
	get := func(url, row string) audit.Entry {
		return audit.Entry{Sequence: 1, Attempt: 1, Method: "GET", URL: url, Status: 200, Row: row, Protocol: "HTTP/1.1",
			Request: audit.Message{Headers: http.Header{}}, Response: audit.Message{Headers: http.Header{}}}
	}
	with := func(e audit.Entry, change func(*audit.Entry)) audit.Entry {
		e.Request.Headers, e.Response.Headers = e.Request.Headers.Clone(), e.Response.Headers.Clone()
		change(&e)
		return e
	}
	digest := audittest.Digest
	received := func(n int) func(*audit.Entry) { return func(e *audit.Entry) { e.Response.Digest = digest(n) } }
	status := func(n int) func(*audit.Entry) { return func(e *audit.Entry) { e.Status = n } }
	blob := func(n int) audit.Entry {
		e := with(get("http://a/v2/x/blobs/"+digest(n), "end-2"), received(n))
		e.Response.Bytes = int64(n)
		return e
	}
	tag := with(get("http://a/v2/x/manifests/1", "end-3"), received(1))
	failed := with(tag, func(e *audit.Entry) { e.Status, e.Response.Digest = 503, "" })
	truncated := with(blob(9), func(e *audit.Entry) { e.Error, e.Response.Bytes, e.Response.Digest = "EOF", 4, "" })
	refused := with(failed, func(e *audit.Entry) { e.Status, e.Refused, e.Error, e.Protocol = 0, "expect", "x", "" })
	moreContent := [2]entries{{blob(1), blob(2)}, {blob(3), blob(4), blob(5)}}
	storage := func(n int) audit.Entry { return get("http://a/s/"+digest(n)[7:9]+"/"+digest(n)[7:]+"/data", "end-2") }
	tests := map[string]struct {
		a, b entries
		want []string
	}{
		"both empty": {nil, nil, nil},
		"added":      {entries{tag}, entries{tag, blob(1)}, []string{"added 1 GET a/v2/x/blobs/" + digest(1)}},
		"gone":       {entries{tag, tag, tag}, entries{tag}, []string{"gone 2 GET a/v2/x/manifests/1"}},
		"many gone": {entries{blob(1), blob(2), blob(3), blob(4), blob(5)}, entries{blob(5)},
			[]string{"gone 4 GET a/v2/x/blobs/{digest}"}},
		"tried twice": {entries{tag}, entries{failed, tag}, []string{"added 1 GET a/v2/x/manifests/1"}},
		"failed": {entries{tag}, entries{failed}, []string{
			`different 1 GET a/v2/x/manifests/1; status "200" "503"; received digest "` + digest(1) + `" ""`}},
		"broken off": {entries{blob(9)}, entries{truncated}, []string{
			"different 1 GET a/v2/x/blobs/" + digest(9) + `; error "" "broken off"; received "9" "4"; received digest "` +
				digest(9) + `" ""`}},
		"the tag points at another image": {entries{tag, blob(1), blob(2)}, entries{with(tag, received(7)), blob(3), blob(2)},
			[]string{
				`different 1 GET a/v2/x/manifests/1; received digest "` + digest(1) + `" "` + digest(7) + `"`,
				"replaced 1 GET a/v2/x/blobs/{digest}"}},
		"other content, and more of it": {moreContent[0], moreContent[1],
			[]string{"replaced 2 GET a/v2/x/blobs/{digest}", "added 1 GET a/v2/x/blobs/" + digest(5)}},
		"other content, with another status": {entries{blob(1)}, entries{with(blob(2), status(307))},
			[]string{`replaced 1 GET a/v2/x/blobs/{digest}; status "200" "307"`}},
		"a header of the protocol": {entries{tag},
			entries{with(tag, func(e *audit.Entry) { e.Request.Headers.Set("Authorization", "Bearer REDACTED") })},
			[]string{`different 1 GET a/v2/x/manifests/1; request Authorization "" "Bearer REDACTED"`}},
		"another header": {entries{tag},
			entries{with(tag, func(e *audit.Entry) { e.Response.Headers.Set("Server", "x") })}, nil},
		"refused": {entries{tag}, entries{refused}, []string{
			`different 1 GET a/v2/x/manifests/1; status "200" "0"; refused by "" "expect"; protocol "HTTP/1.1" ""; ` +
				`received digest "` + digest(1) + `" ""`}},
		"http and https": {entries{tag},
			entries{with(tag, func(e *audit.Entry) { e.URL = "https://a/v2/x/manifests/1" })},
			[]string{`different 1 GET a/v2/x/manifests/1; scheme "http" "https"`}},
		"another method": {entries{tag}, entries{with(tag, func(e *audit.Entry) { e.Method = "HEAD" })},
			[]string{"gone 1 GET a/v2/x/manifests/1", "added 1 HEAD a/v2/x/manifests/1"}},
		"the query's order": {
			entries{get("http://a/v2/x/tags/list?n=1&last=b", "end-2")},
			entries{get("http://a/v2/x/tags/list?last=b&n=1", "end-2")}, nil},
		"folders of a storage": {entries{storage(1)}, entries{storage(2)}, []string{"replaced 1 GET a/s/{digest}/data"}},
		"sessions unlike those in the specification": {
			entries{get("http://a/up?id=REDACTED", "end-6")}, entries{get("http://a/other?id=REDACTED", "end-6")}, nil},
		"uploads to another repository": {
			entries{get("http://a/v2/x/blobs/uploads/1", "end-13")},
			entries{get("http://a/v2/y/blobs/uploads/1", "end-13")},
			[]string{"gone 1 GET a/v2/x/blobs/uploads/{session}", "added 1 GET a/v2/y/blobs/uploads/{session}"}},
		"another host": {entries{tag, get("http://b/", "end-2")}, entries{tag}, []string{"gone 1 GET b/"}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, changeLines(compare(t, test.a, test.b))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	r := compare(t, moreContent[0], moreContent[1])
	if r.Count(Replaced) != 2 || r.Count(Added) != 1 || r.Count(Gone) != 0 || r.Equal() {
		t.Errorf("%+v", r)
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
