package registry_test

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
)

// threeHosts is a folder with images of one path from two hosts, and one that was pushed without a
// host.
func threeHosts(t *testing.T) (dir *layout.Dir, quay, ghcr, own string) {
	t.Helper()
	dir = openDir(t)
	s := registry.OnDisk(dir)
	quay = string(putImage(t, s, "quay.io/a/b", "1", "quay").Raw)
	ghcr = string(putImage(t, s, "ghcr.io/a/b", "1", "ghcr").Raw)
	putImage(t, s, "ghcr.io/a/b", "2", "ghcr")
	own = string(putImage(t, s, "own/c", "1", "own").Raw)
	putImage(t, s, "docker.io/library/alpine", "1", "alpine")
	return dir, quay, ghcr, own
}

// A client that names the source host gets that host's image, also where two hosts share a path.
func TestSourceHostTellsImagesApart(t *testing.T) {
	dir, quay, ghcr, own := threeHosts(t)
	archive := &registry.Memory{}
	putImage(t, archive, "own/c", "1", "later")
	for name, s := range map[string]registry.Store{
		"ShortNames": registry.ShortNames(dir),
		"Union":      &registry.Union{Stores: []registry.Store{registry.ShortNames(dir), archive}},
		"Writable":   &registry.Union{Writable: registry.OnDisk(dir), Stores: []registry.Store{registry.ShortNames(dir)}},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, &registry.Handler{Store: s})
			const tag = "/v2/a/b/manifests/1"
			c.do("GET", tag, "").want(t, 404, "MANIFEST_UNKNOWN").wantHeader(t, "OCI-Namespace:")
			c.do("GET", tag+"?ns=quay.io", "").want(t, 200, "").wantBody(t, quay).wantHeader(t, "OCI-Namespace: quay.io")
			c.do("GET", tag+"?ns=ghcr.io", "").want(t, 200, "").wantBody(t, ghcr)
			c.do("HEAD", tag+"?ns=ghcr.io", "").want(t, 200, "").wantHeader(t, "Docker-Content-Digest: "+digest(ghcr))
			c.do("GET", "/v2/a/b/blobs/"+digest("quay")+"?ns=quay.io", "").want(t, 200, "").wantBody(t, "quay")
			c.do("GET", "/v2/a/b/blobs/"+digest("quay")+"?ns=ghcr.io", "").want(t, 404, "BLOB_UNKNOWN")
			c.do("GET", "/v2/a/b/tags/list?ns=ghcr.io&n=1", "").want(t, 200, "").
				wantBody(t, `{"name":"a/b","tags":["1"]}`+"\n").
				wantHeader(t, `Link: </v2/a/b/tags/list?last=1&n=1&ns=ghcr.io>; rel="next"`)
			c.do("GET", "/v2/a/b/referrers/"+digest(quay)+"?ns=quay.io", "").want(t, 200, "").
				wantHeader(t, "OCI-Namespace: quay.io")

			c.do("GET", tag+"?ns=gcr.io", "").want(t, 404, "MANIFEST_UNKNOWN").wantHeader(t, "OCI-Namespace: gcr.io")
			c.do("GET", "/v2/a/b/manifests/2?ns=quay.io", "").want(t, 404, "MANIFEST_UNKNOWN")
			c.do("GET", "/v2/own/c/manifests/1?ns=quay.io", "").want(t, 200, "").wantBody(t, own)
			for _, path := range []string{"alpine", "library/alpine"} {
				c.do("GET", "/v2/"+path+"/manifests/1?ns=docker.io", "").want(t, 200, "")
			}
			c.do("GET", "/v2/library/alpine/manifests/1?ns=quay.io", "").want(t, 404, "MANIFEST_UNKNOWN")
			c.do("GET", "/v2/library/alpine/manifests/1?ns="+strings.TrimPrefix(c.url, "http://"), "").want(t, 200, "").
				wantHeader(t, "OCI-Namespace:")
			c.do("GET", "/v2/library/alpine/manifests/1?ns=", "").want(t, 200, "")
		})
	}
}

// A source host that is none is refused, and the parameter means nothing to a push.
func TestSourceHostErrors(t *testing.T) {
	dir, _, _, own := threeHosts(t)
	c := serve(t, &registry.Handler{Store: &registry.Union{Writable: registry.OnDisk(dir)}})
	for _, ns := range []string{"%00", "..", "quay.io%0d%0aX:1", "a%20b", "http:%2f%2fquay.io"} {
		c.do("GET", "/v2/a/b/manifests/1?ns="+ns, "").want(t, 400, "NAME_INVALID").wantHeader(t, "OCI-Namespace:")
	}
	long := strings.Repeat("a", 250)
	c.do("GET", "/v2/"+long+"/manifests/1?ns=quay.io", "").want(t, 404, "MANIFEST_UNKNOWN")
	c.do("PUT", "/v2/own/c/manifests/2?ns=quay.io", own).want(t, 201, "").wantHeader(t, "OCI-Namespace:")
	c.do("GET", "/v2/own/c/manifests/2", "").want(t, 200, "")
}
