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

// openBundle writes a bundle of an image whose only blob is content and opens it.
func openBundle(t *testing.T, name, content string, m manifest.Manifest) *layout.Archive {
	t.Helper()
	d := manifest.Descriptor{Digest: blob.Digest(digest(content)), Size: int64(len(content))}
	contents := layout.BundleContents{
		Images:    []layout.Image{{Name: name, Descriptor: m.Descriptor}},
		Manifests: []manifest.Manifest{m},
		Blobs:     []manifest.Descriptor{d},
	}
	path := filepath.Join(t.TempDir(), "b.tar")
	b, err := layout.CreateBundle(path, contents, layout.BundleFiles{})
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

// TestArchiveIsReadOnly pulls from a bundle, and checks that every change gets 405.
func TestArchiveIsReadOnly(t *testing.T) {
	m := parse(t, imageOf("layer"))
	c := serve(t, &registry.Handler{Store: registry.OnArchive(openBundle(t, "hczjl/halo:1.6", "layer", m))})

	c.do("GET", "/v2/_catalog", "").want(t, 200, "").wantBody(t, `{"repositories":["hczjl/halo"]}`+"\n")
	for _, name := range []string{"hczjl/halo", "docker.io/hczjl/halo"} {
		c.do("GET", "/v2/"+name+"/tags/list", "").want(t, 200, "").wantBody(t, `{"name":"`+name+`","tags":["1.6"]}`+"\n")
		c.do("GET", "/v2/"+name+"/manifests/1.6", "").want(t, 200, "").wantBody(t, string(m.Raw))
		c.do("HEAD", "/v2/"+name+"/manifests/"+string(m.Digest), "").want(t, 200, "").
			wantHeader(t, "Content-Type: "+m.MediaType)
		c.do("GET", "/v2/"+name+"/blobs/"+digest("layer"), "", "Range: bytes=2-3").want(t, 206, "").wantBody(t, "ye")
		c.do("GET", "/v2/"+name+"/referrers/"+string(m.Digest), "").want(t, 200, "")
	}
	c.do("GET", "/v2/hczjl/other/tags/list", "").want(t, 404, "NAME_UNKNOWN")

	const uploads, manifests = "/v2/hczjl/halo/blobs/uploads/", "/v2/hczjl/halo/manifests/"
	for _, resp := range []response{
		c.do("POST", uploads, ""),
		c.do("POST", uploads+"?digest="+digest("x"), "x"),
		c.do("POST", uploads+"?mount="+digest("layer")+"&from=hczjl/halo", ""),
		c.do("PUT", manifests+"1.7", string(m.Raw)),
		c.do("DELETE", manifests+"1.6", ""),
		c.do("DELETE", manifests+string(m.Digest), ""),
		c.do("DELETE", "/v2/hczjl/halo/blobs/"+digest("layer"), ""),
	} {
		resp.want(t, 405, "UNSUPPORTED")
	}
}
