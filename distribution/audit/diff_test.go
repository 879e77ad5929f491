package audit

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func callSet(t testing.TB, text string) *CallSet {
	t.Helper()
	r, err := NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadCallSet(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compared(t testing.TB, a, b []Entry) Difference {
	t.Helper()
	return Compare(callSet(t, string(written(t, JSONL, a...))), callSet(t, string(written(t, HAR, b...))))
}

// changeLines are a difference's changes, one each.
func changeLines(d Difference) []string {
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

// A run is equal to itself in any order, at other times, on other ports, with
// other upload sessions and request identifiers.
func TestCompareEqual(t *testing.T) {
	a, b := newStory().entries, newStory().entries
	if d := compared(t, a, b); !d.Equal() || d.A.Calls != 23 || len(d.Hosts) != 4 {
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
		if i > 0 { // the server's own affairs
			b[i].Response.Headers = b[i].Response.Headers.Clone()
			if b[i].Response.Headers == nil {
				b[i].Response.Headers = http.Header{}
			}
			b[i].Response.Headers.Set("X-Request-Id", fmt.Sprint(i))
			b[i].Response.Headers.Set("Date", "Sat, 03 Jan 2026 03:04:05 GMT")
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	d := compared(t, a, b)
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
	get := func(url string, more func(*Entry)) Entry {
		e := Entry{Sequence: 1, Attempt: 1, Method: "GET", URL: url, Status: 200, Row: "end-2", Protocol: "HTTP/1.1",
			Request: Message{Headers: http.Header{}}, Response: Message{Headers: http.Header{}}}
		if more != nil {
			more(&e)
		}
		return e
	}
	blob := func(n int) Entry {
		return get("http://a/v2/x/blobs/"+digestOf(n), func(e *Entry) { e.Response.Digest, e.Response.Bytes = digestOf(n), int64(n) })
	}
	tag := get("http://a/v2/x/manifests/1", func(e *Entry) { e.Row = "end-3"; e.Response.Digest = digestOf(1) })
	with := func(e Entry, change func(*Entry)) Entry {
		e.Request.Headers, e.Response.Headers = e.Request.Headers.Clone(), e.Response.Headers.Clone()
		change(&e)
		return e
	}
	failed := with(tag, func(e *Entry) { e.Status, e.Response.Digest = 503, "" })
	tests := map[string]struct {
		a, b []Entry
		want []string
	}{
		"both empty": {nil, nil, nil},
		"added":      {[]Entry{tag}, []Entry{tag, blob(1)}, []string{"added 1 GET a/v2/x/blobs/" + digestOf(1)}},
		"gone":       {[]Entry{tag, tag, tag}, []Entry{tag}, []string{"gone 2 GET a/v2/x/manifests/1"}},
		"many gone": {[]Entry{blob(1), blob(2), blob(3), blob(4), blob(5)}, []Entry{blob(5)},
			[]string{"gone 4 GET a/v2/x/blobs/{digest}"}},
		"tried twice": {[]Entry{tag}, []Entry{failed, tag}, []string{"added 1 GET a/v2/x/manifests/1"}},
		"failed":      {[]Entry{tag}, []Entry{failed}, []string{`different 1 GET a/v2/x/manifests/1; status "200" "503"; received digest "` + digestOf(1) + `" ""`}},
		"broken off": {[]Entry{blob(9)}, []Entry{with(blob(9), func(e *Entry) { e.Error, e.Response.Bytes, e.Response.Digest = "EOF", 4, "" })},
			[]string{"different 1 GET a/v2/x/blobs/" + digestOf(9) + `; error "" "broken off"; received "9" "4"; received digest "` + digestOf(9) + `" ""`}},
		"the tag names another image": {[]Entry{tag, blob(1), blob(2)}, []Entry{with(tag, func(e *Entry) { e.Response.Digest = digestOf(7) }), blob(3), blob(2)},
			[]string{`different 1 GET a/v2/x/manifests/1; received digest "` + digestOf(1) + `" "` + digestOf(7) + `"`, "replaced 1 GET a/v2/x/blobs/{digest}"}},
		"other content, and more of it": {[]Entry{blob(1), blob(2)}, []Entry{blob(3), blob(4), blob(5)},
			[]string{"replaced 2 GET a/v2/x/blobs/{digest}", "added 1 GET a/v2/x/blobs/" + digestOf(5)}},
		"other content, answered in another way": {[]Entry{blob(1)}, []Entry{with(blob(2), func(e *Entry) { e.Status = 307 })},
			[]string{`replaced 1 GET a/v2/x/blobs/{digest}; status "200" "307"`}},
		"a header that matters": {[]Entry{tag}, []Entry{with(tag, func(e *Entry) { e.Request.Headers.Set("Authorization", "Bearer REDACTED") })},
			[]string{`different 1 GET a/v2/x/manifests/1; request Authorization "" "Bearer REDACTED"`}},
		"a header that does not": {[]Entry{tag}, []Entry{with(tag, func(e *Entry) { e.Response.Headers.Set("Server", "x") })}, nil},
		"refused": {[]Entry{tag}, []Entry{with(tag, func(e *Entry) { e.Status, e.Refused, e.Error, e.Response.Digest, e.Protocol = 0, "expect", "x", "", "" })},
			[]string{`different 1 GET a/v2/x/manifests/1; status "200" "0"; refused by "" "expect"; protocol "HTTP/1.1" ""; received digest "` + digestOf(1) + `" ""`}},
		"http and https":    {[]Entry{tag}, []Entry{with(tag, func(e *Entry) { e.URL = "https://a/v2/x/manifests/1" })}, []string{`different 1 GET a/v2/x/manifests/1; scheme "http" "https"`}},
		"another method":    {[]Entry{tag}, []Entry{with(tag, func(e *Entry) { e.Method = "HEAD" })}, []string{"gone 1 GET a/v2/x/manifests/1", "added 1 HEAD a/v2/x/manifests/1"}},
		"the query's order": {[]Entry{get("http://a/v2/x/tags/list?n=1&last=b", nil)}, []Entry{get("http://a/v2/x/tags/list?last=b&n=1", nil)}, nil},
		"storage's folders": {[]Entry{get("http://a/s/"+digestOf(1)[7:9]+"/"+digestOf(1)[7:]+"/data", nil)}, []Entry{get("http://a/s/"+digestOf(2)[7:9]+"/"+digestOf(2)[7:]+"/data", nil)},
			[]string{"replaced 1 GET a/s/{digest}/data"}},
		"sessions of no kind": {[]Entry{get("http://a/up?id=REDACTED", func(e *Entry) { e.Row = "end-6" })}, []Entry{get("http://a/other?id=REDACTED", func(e *Entry) { e.Row = "end-6" })}, nil},
		"uploads to another repository": {
			[]Entry{get("http://a/v2/x/blobs/uploads/1", func(e *Entry) { e.Row = "end-13" })},
			[]Entry{get("http://a/v2/y/blobs/uploads/1", func(e *Entry) { e.Row = "end-13" })},
			[]string{"gone 1 GET a/v2/x/blobs/uploads/{session}", "added 1 GET a/v2/y/blobs/uploads/{session}"}},
		"another host": {[]Entry{tag, get("http://b/", nil)}, []Entry{tag}, []string{"gone 1 GET b/"}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, changeLines(compared(t, test.a, test.b))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	d := compared(t, tests["other content, and more of it"].a, tests["other content, and more of it"].b)
	if d.Count(Replaced) != 2 || d.Count(Added) != 1 || d.Count(Gone) != 0 || d.Equal() {
		t.Errorf("%+v", d)
	}
}
