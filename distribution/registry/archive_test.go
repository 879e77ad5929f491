package registry_test

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// bundleOf writes a bundle of an image whose only blob is content, and opens it.
func bundleOf(t *testing.T, name, content string, m manifest.Manifest) *layout.Archive {
	t.Helper()
	d := manifest.Descriptor{Digest: blob.Digest(digest(content)), Size: int64(len(content))}
	contents := layout.Contents{
		Images:    []layout.Image{{Name: name, Descriptor: m.Descriptor}},
		Manifests: []manifest.Manifest{m},
		Blobs:     []manifest.Descriptor{d},
	}
	path := filepath.Join(t.TempDir(), "b.tar")
	b, err := layout.Create(path, contents, layout.Files{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content[offset:])), nil
	}
	if _, err := b.PutBlob(t.Context(), d, open); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := layout.OpenArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// TestArchiveIsServed pulls from a bundle, and tries to change it in every way there is.
func TestArchiveIsServed(t *testing.T) {
	m := parse(t, imageOf("layer"))
	c := serve(t, &registry.Handler{Store: registry.OnArchive(bundleOf(t, "hczjl/halo:1.6", "layer", m))})

	c.do("GET", "/v2/_catalog", "").want(t, 200, "").is(t, `{"repositories":["hczjl/halo"]}`+"\n")
	for _, name := range []string{"hczjl/halo", "docker.io/hczjl/halo"} {
		c.do("GET", "/v2/"+name+"/tags/list", "").want(t, 200, "").is(t, `{"name":"`+name+`","tags":["1.6"]}`+"\n")
		c.do("GET", "/v2/"+name+"/manifests/1.6", "").want(t, 200, "").is(t, string(m.Raw))
		c.do("HEAD", "/v2/"+name+"/manifests/"+string(m.Digest), "").want(t, 200, "").header(t, "Content-Type: "+m.MediaType)
		c.do("GET", "/v2/"+name+"/blobs/"+digest("layer"), "", "Range: bytes=2-3").want(t, 206, "").is(t, "ye")
		c.do("GET", "/v2/"+name+"/referrers/"+string(m.Digest), "").want(t, 200, "")
	}
	c.do("GET", "/v2/hczjl/other/tags/list", "").want(t, 404, "NAME_UNKNOWN")

	const uploads, manifests = "/v2/hczjl/halo/blobs/uploads/", "/v2/hczjl/halo/manifests/"
	for _, a := range []answer{
		c.do("POST", uploads, ""),
		c.do("POST", uploads+"?digest="+digest("x"), "x"),
		c.do("POST", uploads+"?mount="+digest("layer")+"&from=hczjl/halo", ""),
		c.do("PUT", manifests+"1.7", string(m.Raw)),
		c.do("DELETE", manifests+"1.6", ""),
		c.do("DELETE", manifests+string(m.Digest), ""),
		c.do("DELETE", "/v2/hczjl/halo/blobs/"+digest("layer"), ""),
	} {
		a.want(t, 405, "UNSUPPORTED")
	}
}

// is checks the body.
func (a answer) is(t testing.TB, want string) answer {
	t.Helper()
	if a.body != want {
		t.Errorf("%s %s: got %q, want %q", a.Request.Method, a.Request.URL, a.body, want)
	}
	return a
}
