package distribution

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
)

func TestParseContentRange(t *testing.T) {
	for in, want := range map[string]struct {
		first, size int64
		ok          bool
	}{
		"bytes 0-9/10":  {0, 10, true},
		"bytes 5-9/10":  {5, 10, true},
		"bytes 5-9/*":   {5, -1, true},
		" Bytes 5-9/10": {5, 10, true},
		"bytes */10":    {},
		"bytes 9-5/10":  {},
		"bytes 0-10/10": {},
		"bytes -1-3/10": {},
		"items 0-9/10":  {},
		"bytes 0-9":     {},
		"":              {},
		"bytes 0-x/10":  {},
		"bytes 0-9/x":   {},
		"bytes 1-99999999999999999999/99999999999999999999": {},
	} {
		first, size, ok := parseContentRange(in)
		if ok != want.ok || ok && (first != want.first || size != want.size) {
			t.Errorf("%q: got %d, %d, %v", in, first, size, ok)
		}
	}
}

func TestParseRange(t *testing.T) {
	for in, want := range map[string]int64{
		"0-99": 100, "bytes=0-99": 100, "0-0": 0, " 0-1 ": 2,
		"": -1, "5-9": -1, "0-": -1, "0--1": -1, "0-9223372036854775807": -1, "100": -1,
	} {
		got, ok := parseRange(in)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", in, got, want)
		}
	}
}

func TestWithDigestKeepsQuery(t *testing.T) {
	d := blob.FromBytes(nil)
	for in, want := range map[string]string{
		"http://h/u":              "http://h/u?digest=",
		"http://h/u?":             "http://h/u?digest=",
		"http://h/u?b=%2f&a;c+d=": "http://h/u?b=%2f&a;c+d=&digest=",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		got := withDigest(u, d).String()
		if want += url.QueryEscape(string(d)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if u.String() != in {
			t.Errorf("%q became %q", in, u)
		}
	}
}

func TestRestoreSchemeAndPort(t *testing.T) {
	for _, c := range []struct{ requested, to, want string }{
		{"https://r.example/v2/", "http://r.example/u", "https://r.example/u"},
		{"https://r.example:8443/v2/", "http://r.example/u", "https://r.example:8443/u"},
		{"https://r.example:8443/v2/", "https://r.example/u", "https://r.example:8443/u"},
		{"https://r.example/v2/", "https://r.example:5000/u", "https://r.example:5000/u"},
		{"http://r.example:5000/v2/", "http://r.example:5000/u", "http://r.example:5000/u"},
		{"https://r.example/v2/", "http://other.example/u", "http://other.example/u"},
		{"http://r.example/v2/", "https://r.example/u", "https://r.example/u"},
	} {
		requested, _ := url.Parse(c.requested)
		to, _ := url.Parse(c.to)
		if got := restoreSchemeAndPort(requested, to).String(); got != c.want {
			t.Errorf("%s on %s: got %s, want %s", c.to, c.requested, got, c.want)
		}
	}
}

// endlessListing has a link to another page on every page.
type endlessListing struct{ pages int }

func (e *endlessListing) RoundTrip(req *http.Request) (*http.Response, error) {
	e.pages++
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Link": {fmt.Sprintf(`<?n=%d>; rel="next"`, e.pages)}},
		Body:       io.NopCloser(strings.NewReader(`{"tags":["x"]}`)),
		Request:    req,
	}, nil
}

func TestListingPageLimit(t *testing.T) {
	e := &endlessListing{}
	c := &Client{Host: "r.example", HTTP: &http.Client{Transport: e}}
	var last error
	for _, last = range c.Tags(t.Context(), "a", Page{}) {
	}
	if last == nil || !strings.Contains(last.Error(), "more than") || e.pages != maxPages {
		t.Errorf("got error %v after %d pages", last, e.pages)
	}
}

func FuzzNextLink(f *testing.F) {
	for _, s := range []string{
		`</v2/a/tags/list?n=2&last=x>; rel="next"`, `<a>;rel=prev, <b>; title="x, y"; REL=next`, `<a`, `<>`, `>,<`, `<a>; rel`, `"<`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		target, ok := nextLink([]string{header})
		if ok && (target == "" || !strings.Contains(header, "<"+target+">")) {
			t.Errorf("%q: found %q", header, target)
		}
	})
}

func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "0-99", "bytes=0-0", "--/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if first, size, ok := parseContentRange(s); ok && (first < 0 || size != -1 && size <= first) {
			t.Errorf("%q: %d of %d", s, first, size)
		}
		if n, ok := parseRange(s); ok && n < 0 {
			t.Errorf("%q: %d", s, n)
		}
	})
}

func FuzzLocation(f *testing.F) {
	for _, s := range []string{"/v2/a/blobs/uploads/x?y=z", "http://127.0.0.1/u", "//h/u", "u", "http://[", "javascript:x", "%zz"} {
		f.Add(s)
	}
	requested, _ := url.Parse("https://127.0.0.1:5000/v2/a/blobs/uploads/")
	f.Fuzz(func(t *testing.T, location string) {
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.URL = requested
		resp := &http.Response{Header: http.Header{"Location": {location}}, Request: req}
		u, err := (&Client{Host: requested.Host}).location(resp)
		if err == nil && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			t.Errorf("%q: got %q", location, u)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	f.Add([]byte(`{"errors":[{"code":"DENIED","message":"no\nway","detail":{}}]}`))
	f.Add([]byte("<html>"))
	f.Add([]byte("plain \x1b[31m text"))
	f.Fuzz(func(t *testing.T, body []byte) {
		recorder := httptest.NewRecorder()
		recorder.WriteHeader(http.StatusForbidden)
		recorder.Write(body)
		if text := newError(recorder.Result()).Error(); strings.ContainsAny(text, "\n\x1b\x00") {
			t.Errorf("%q becomes %q", body, text)
		}
	})
}
