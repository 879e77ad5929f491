package distribution

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
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

// A warning is one line of printable text, and only one of the form that the specification gives is
// reported.
func FuzzWarning(f *testing.F) {
	for _, s := range []string{
		`299 - "the tag is deprecated"`, `299 - "a \"quoted\" \\ text" "Sat, 25 Aug 2012 23:34:45 GMT"`, `299 - "`, `299 - ""`,
		"299 - \"\x1b[31m red\nline\"", `299 - "\`, `199 proxy "x"`, "299 - \"\xff\u202e\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		var got []string
		c := &Client{Host: "r.example", OnWarning: func(text string) { got = append(got, text) }}
		resp := &http.Response{Header: http.Header{"Warning": {header, header}}, Request: httptest.NewRequest(http.MethodGet, "/", nil)}
		c.warn(resp)
		if len(got) == 0 {
			return
		}
		unprintable := strings.ContainsFunc(got[0], func(r rune) bool { return !unicode.IsPrint(r) })
		if len(got) > 1 || got[0] == "" || unprintable || utf8.RuneCountInString(got[0]) > 203 ||
			!strings.HasPrefix(header, `299 - "`) {
			t.Errorf("%q: reported %q", header, got)
		}
	})
}

// A page of referrers gives descriptors that can be fetched, or an error.
func FuzzReferrersPage(f *testing.F) {
	const entry = `{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"sha256:` +
		`44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}`
	for _, s := range []string{
		`{"schemaVersion":2,"manifests":[` + entry + `]}`, `{"manifests":[` + entry + `,null]}`, `{"manifests":[{}]}`,
		`{"manifests":[{"mediaType":"a/b","size":-1,"digest":"sha256:../x"}]}`, `{"manifests":{}}`, `{}`, `null`, `[`, `<html>`,
	} {
		f.Add(manifest.MediaTypeOCIIndex, []byte(s))
	}
	f.Add("text/html", []byte("<html>"))
	f.Add(manifest.MediaTypeOCIIndex+"; charset=utf-8", []byte(`{}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		req := httptest.NewRequest(http.MethodGet, "https://r.example/v2/a/referrers/x", nil)
		resp := &http.Response{Header: http.Header{"Content-Type": {contentType}}, Request: req}
		list, err := parseReferrers(resp, body)
		if err != nil && list != nil {
			t.Errorf("%q: error %v and %d entries", body, err, len(list))
		}
		for _, d := range list {
			if d.Digest.Validate() != nil || d.Size < 0 || !json.Valid(body) {
				t.Errorf("%q: entry %+v", body, d)
			}
		}
	})
}
