package registry

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
)

func TestParsePathRefusesNames(t *testing.T) {
	for _, name := range []string{
		"", "A", "a//b", "../a", "a/../b", "a/", "/a", "_a", "a b", "a%2fb", strings.Repeat("a", 256), "blobs/uploads/",
	} {
		for _, end := range []string{"/manifests/1", "/tags/list", "/blobs/sha256:x", "/blobs/uploads/"} {
			at, err := parsePath("/v2/" + name + end)
			if err == nil && at.Kind != endpoint.KindNone {
				t.Errorf("%q%s: got %+v", name, end, at)
			}
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{
		"", "/v2/", "/v2/_catalog", "/v2/a/b/manifests/1", "/v2/a/blobs/uploads/", "/v2/../../blobs/sha256:x",
		"/v2//tags/list", "/v2/a/blobs/uploads/x/y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		at, err := parsePath(path)
		switch {
		case err != nil && at != endpoint.Path{}:
			t.Errorf("%q: got both %+v and %v", path, at, err)
		case at.Kind > endpoint.KindCatalog && !reference.ValidPath(at.Repository):
			t.Errorf("%q: got the name %q", path, at.Repository)
		}
	})
}
