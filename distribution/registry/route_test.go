package registry

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/reference"
)

func TestParseRoute(t *testing.T) {
	for path, want := range map[string]route{
		"":                                  {},
		"/":                                 {},
		"/v1/":                              {},
		"/v2":                               {kind: kindBase},
		"/v2/":                              {kind: kindBase},
		"/v2/_catalog":                      {kind: kindCatalog},
		"/v2/x":                             {},
		"/v2/x/y/z":                         {},
		"/v2/a/tags/list":                   {kindTags, "a", ""},
		"/v2/a/tags/other":                  {},
		"/v2/a/manifests/1":                 {kindManifest, "a", "1"},
		"/v2/a/manifests/":                  {kindManifest, "a", ""},
		"/v2/a/b/c/manifests/sha256:x":      {kindManifest, "a/b/c", "sha256:x"},
		"/v2/a/blobs/uploads/manifests/1":   {kindManifest, "a/blobs/uploads", "1"},
		"/v2/a/manifests/1/manifests/2":     {kindManifest, "a/manifests/1", "2"},
		"/v2/a/blobs/sha256:x":              {kindBlob, "a", "sha256:x"},
		"/v2/a/blobs/uploads":               {kindUploads, "a", ""},
		"/v2/a/blobs/uploads/":              {kindUploads, "a", ""},
		"/v2/a/blobs/uploads/1-2":           {kindUpload, "a", "1-2"},
		"/v2/a/uploads/1-2":                 {},
		"/v2/blobs/uploads/blobs/uploads/1": {kindUpload, "blobs/uploads", "1"},
		"/v2/a/referrers/sha256:x":          {kindReferrers, "a", "sha256:x"},
	} {
		got, err := parseRoute(path)
		if got != want || err != nil {
			t.Errorf("%q: got %+v, error %v, want %+v", path, got, err, want)
		}
	}
}

func TestParseRouteRefusesNames(t *testing.T) {
	for _, name := range []string{"", "A", "a//b", "../a", "a/../b", "a/", "/a", "_a", "a b", "a%2fb", strings.Repeat("a", 256), "blobs/uploads/"} {
		for _, end := range []string{"/manifests/1", "/tags/list", "/blobs/sha256:x", "/blobs/uploads/"} {
			rt, err := parseRoute("/v2/" + name + end)
			if err == nil && rt.kind != kindNone {
				t.Errorf("%q%s: got %+v", name, end, rt)
			}
		}
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, s := range []string{"", "/v2/", "/v2/_catalog", "/v2/a/b/manifests/1", "/v2/a/blobs/uploads/", "/v2/../../blobs/sha256:x",
		"/v2//tags/list", "/v2/a/blobs/uploads/x/y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		rt, err := parseRoute(path)
		switch {
		case err != nil && rt != route{}:
			t.Errorf("%q: got both %+v and %v", path, rt, err)
		case rt.kind > kindCatalog && !reference.ValidPath(rt.name):
			t.Errorf("%q: got the name %q", path, rt.name)
		case strings.Contains(rt.ref, "/"):
			t.Errorf("%q: got the reference %q", path, rt.ref)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"", "bytes=0-1", "bytes=-5", "bytes=5-", "bytes=5-0", "bytes=1-2,3-4", "bytes=9223372036854775807-", "lines=1-2"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		part, partial, err := parseRange(header, size)
		switch {
		case err != nil:
		case !partial && part != span{0, size}:
			t.Errorf("%q of %d: the whole is %+v", header, size, part)
		case partial && (part.start < 0 || part.length < 1 || part.start > size-part.length):
			t.Errorf("%q of %d: got %+v", header, size, part)
		}
	})
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"", "0-0", "5-9", "9-5", "-1-5", "0-9223372036854775807", "bytes 0-1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if part, err := parseContentRange(header); err == nil && (part.start < 0 || part.length < 1 || part.start+part.length < 0) {
			t.Errorf("%q: got %+v", header, part)
		}
	})
}
