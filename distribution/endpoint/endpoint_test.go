package endpoint_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/endpoint"
)

func TestParse(t *testing.T) {
	for path, want := range map[string]endpoint.Path{
		"":                                  {},
		"/":                                 {},
		"/v1/":                              {},
		"/v2":                               endpoint.Base(),
		"/v2/":                              endpoint.Base(),
		"/v2/_catalog":                      endpoint.Catalog(),
		"/v2/x":                             {},
		"/v2/x/y/z":                         {},
		"/v1/a/manifests/1":                 {},
		"/x/v2/a/manifests/1":               {},
		"/v2/manifests/1":                   {},
		"/v2//tags/list":                    {},
		"/v2/blobs/sha256:x":                {},
		"/v2/blobs/uploads/":                {},
		"/v2/a/tags/list":                   endpoint.Tags("a"),
		"/v2/a/tags/other":                  {},
		"/v2/a/manifests/1":                 endpoint.Manifest("a", "1"),
		"/v2/a/manifests/":                  endpoint.Manifest("a", ""),
		"/v2/a/b/c/manifests/sha256:x":      endpoint.Manifest("a/b/c", "sha256:x"),
		"/v2/a/blobs/uploads/manifests/1":   endpoint.Manifest("a/blobs/uploads", "1"),
		"/v2/a/manifests/1/manifests/2":     endpoint.Manifest("a/manifests/1", "2"),
		"/v2/a/blobs/sha256:x":              endpoint.Blob("a", "sha256:x"),
		"/v2/a/blobs/uploads":               endpoint.Uploads("a"),
		"/v2/a/blobs/uploads/":              endpoint.Uploads("a"),
		"/v2/a/manifests/b/blobs/uploads":   endpoint.Uploads("a/manifests/b"),
		"/v2/a/blobs/uploads/1-2":           endpoint.Session("a", "1-2"),
		"/v2/a/blobs/uploads/1/2":           {},
		"/v2/a/blobs/blobs/uploads/1":       endpoint.Session("a/blobs", "1"),
		"/v2/a/uploads/1-2":                 {},
		"/v2/blobs/uploads/blobs/uploads/1": endpoint.Session("blobs/uploads", "1"),
		"/v2/a/referrers/sha256:x":          endpoint.Referrers("a", "sha256:x"),
	} {
		if got := endpoint.Parse(path); got != want {
			t.Errorf("%q: got %+v, want %+v", path, got, want)
		}
	}
}

// pathsOf returns one path of each kind that a repository has.
func pathsOf(repository, reference string) []endpoint.Path {
	return []endpoint.Path{
		endpoint.Manifest(repository, reference),
		endpoint.Blob(repository, reference),
		endpoint.Uploads(repository),
		endpoint.Session(repository, reference),
		endpoint.Tags(repository),
		endpoint.Referrers(repository, reference),
	}
}

// A repository may be named like the API's words.
func TestParseRepositoryNamedLikeTheAPI(t *testing.T) {
	for _, name := range []string{
		"a/blobs/b", "a/manifests/b", "a/tags/list", "uploads", "referrers/x", "blobs", "blobs/uploads", "a/blobs/uploads",
		"a/blobs", "a/manifests", "a/tags", "v2", "v2/v2", "list", "tags", "catalog",
	} {
		for _, reference := range []string{"1.6", "list", "blobs", "manifests", "sha256:0"} {
			for _, want := range pathsOf(name, reference) {
				if got := endpoint.Parse(want.String()); got != want {
					t.Errorf("%s: got %+v, want %+v", want, got, want)
				}
			}
		}
	}
}

func TestParseEnd(t *testing.T) {
	for path, want := range map[string]endpoint.Path{
		"/ghcr1/blobs/sha256:x":            endpoint.Blob("ghcr1", "sha256:x"),
		"/v2/a/blobs/sha256:x":             endpoint.Blob("v2/a", "sha256:x"),
		"/docker/v2/a/blobs/uploads/1":     endpoint.Session("docker/v2/a", "1"),
		"https://r.example/v2/a/tags/list": endpoint.Tags("https://r.example/v2/a"),
		"/token":                           {},
		"":                                 {},
	} {
		if got := endpoint.ParseEnd(path); got != want {
			t.Errorf("%q: got %+v, want %+v", path, got, want)
		}
	}
}

func TestReplaceSession(t *testing.T) {
	for url, want := range map[string]string{
		"":                        "",
		"/v2/a/blobs/uploads/":    "/v2/a/blobs/uploads/",
		"/v2/a/blobs/uploads/1-2": "/v2/a/blobs/uploads/...",
		"https://r.example/v2/a/blobs/uploads/1?_state=/x": "https://r.example/v2/a/blobs/uploads/...?_state=/x",
		"/docker/v2/a/blobs/uploads/1":                     "/docker/v2/a/blobs/uploads/...",
		"/v2/a/blobs/uploads/manifests/1":                  "/v2/a/blobs/uploads/manifests/1",
		"/v2/a/manifests/1?x=/v2/a/blobs/uploads/1":        "/v2/a/manifests/1?x=/v2/a/blobs/uploads/1",
	} {
		if got := endpoint.ReplaceSession(url, "..."); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

func TestID(t *testing.T) {
	const d = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, test := range []struct{ method, path, want string }{
		{"GET", "/v2/", "end-1"},
		{"GET", "/v2", "end-1"},
		{"GET", "/v2/a/b/blobs/" + d, "end-2"},
		{"HEAD", "/v2/a/blobs/" + d, "end-2"},
		{"GET", "/v2/a/manifests/1.6", "end-3"},
		{"HEAD", "/v2/blobs/uploads/manifests/1.6", "end-3"},
		{"POST", "/v2/a/blobs/uploads/", "end-4a"},
		{"POST", "/v2/a/blobs/uploads", "end-4a"},
		{"POST", "/v2/a/blobs/uploads/?digest=" + d, "end-4b"},
		{"POST", "/v2/a/blobs/uploads/?digest-algorithm=sha512", "end-4c"},
		{"PATCH", "/v2/a/blobs/uploads/1?_state=x", "end-5"},
		{"PUT", "/v2/a/blobs/uploads/1?_state=x&digest=" + d, "end-6"},
		{"PUT", "/v2/a/manifests/1.6", "end-7a"},
		{"PUT", "/v2/a/manifests/" + d + "?tag=1.6", "end-7b"},
		{"GET", "/v2/a/tags/list", "end-8a"},
		{"GET", "/v2/a/tags/list?n=10&last=b", "end-8b"},
		{"DELETE", "/v2/a/manifests/" + d, "end-9"},
		{"DELETE", "/v2/a/blobs/" + d, "end-10"},
		{"POST", "/v2/a/blobs/uploads/?mount=" + d + "&from=b", "end-11"},
		{"GET", "/v2/a/referrers/" + d, "end-12a"},
		{"GET", "/v2/a/referrers/" + d + "?artifactType=x", "end-12b"},
		{"GET", "/v2/a/blobs/uploads/1", "end-13"},
		{"DELETE", "/v2/a/blobs/uploads/1", "end-14"},
		{"GET", "/v2/_catalog?n=10", "catalog"},
		{"GET", "/v2/auth?scope=x", ""},
		{"GET", "/token", ""},
		{"POST", "/v2/", ""},
		{"PUT", "/v2/a/blobs/" + d, ""},
		{"POST", "/v2/a/manifests/1", ""},
		{"POST", "/v2/a/tags/list", ""},
		{"PUT", "/v2/a/blobs/uploads/", ""},
		{"POST", "/v2/a/blobs/uploads/1", ""},
		{"GET", "/v2/manifests/1.6", ""},
		{"PUT", "/artifacts-uploads/x", ""},
		{"GET", "", ""},
	} {
		u, err := url.Parse("https://registry.example" + test.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := endpoint.ID(test.method, u); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, got, test.want)
		}
	}
}

func FuzzBuildAndParse(f *testing.F) {
	for _, name := range []string{"a", "a/b", "a/blobs/uploads", "a/tags/list", "uploads", "/", "a//b"} {
		f.Add(name, "1")
	}
	f.Fuzz(func(t *testing.T, repository, reference string) {
		if repository == "" || reference == "" || reference == "uploads" || strings.Contains(reference, "/") {
			return // no name, no reference
		}
		for _, want := range pathsOf(repository, reference) {
			if got := endpoint.Parse(want.String()); got != want {
				t.Errorf("%q: got %+v, want %+v", want, got, want)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "/v2", "/v2/", "/v2/_catalog", "/v2/a/b/manifests/1", "/v2/a/blobs/uploads", "/v2/a/blobs/uploads/x/y",
		"/v2//tags/list", "/v2/../../blobs/sha256:x", "/v2/a/referrers/sha256:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p := endpoint.Parse(path)
		switch {
		case p.Kind == endpoint.KindNone && p != endpoint.Path{}:
			t.Errorf("%q: got %+v", path, p)
		case p.Kind > endpoint.KindCatalog && p.Repository == "", strings.Contains(p.Reference, "/"):
			t.Errorf("%q: got %+v", path, p)
		case p.Kind != endpoint.KindNone && endpoint.Parse(p.String()) != p:
			t.Errorf("%q: got %+v, whose path %s is parsed as %+v", path, p, p, endpoint.Parse(p.String()))
		}
	})
}
