package registry_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

func TestBlobGet(t *testing.T) {
	const content = "0123456789"
	d := digest(content)
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		c.pushBlob("a/b", content)
		for _, x := range []struct {
			ranges, ifRange string
			status          int
			body, content   string
		}{
			{"", "", 200, content, ""},
			{"bytes=2-4", "", 206, "234", "bytes 2-4/10"},
			{"bytes=2-", "", 206, "23456789", "bytes 2-9/10"},
			{"bytes=-3", "", 206, "789", "bytes 7-9/10"},
			{"bytes=-30", "", 206, content, "bytes 0-9/10"},
			{"bytes=8-30", "", 206, "89", "bytes 8-9/10"},
			{"bytes=0-99999999999999999999", "", 206, content, "bytes 0-9/10"},
			{"bytes=10-", "", 416, "", "bytes */10"},
			{"bytes=5-0", "", 416, "", "bytes */10"},
			{"bytes=-0", "", 416, "", "bytes */10"},
			{"bytes=x", "", 416, "", "bytes */10"},
			{"bytes=--1", "", 416, "", "bytes */10"},
			{"bytes=0-1,4-5", "", 200, content, ""},
			{"lines=0-1", "", 200, content, ""},
			{"bytes=2-4", `"` + d + `"`, 206, "234", "bytes 2-4/10"},
			{"bytes=2-4", `"other"`, 200, content, ""},
		} {
			resp := c.do("GET", "/v2/a/b/blobs/"+d, "", "Range: "+x.ranges, "If-Range: "+x.ifRange)
			resp.want(t, x.status, "SIZE_INVALID").wantHeader(t, "Content-Range: "+x.content)
			if x.status != 416 && resp.body != x.body {
				t.Errorf("%q: got %q, want %q", x.ranges, resp.body, x.body)
			}
		}
		resp := c.do("HEAD", "/v2/a/b/blobs/"+d, "", "Range: bytes=2-4").want(t, 200, "")
		resp.wantHeader(t, "Content-Length: 10", "Docker-Content-Digest: "+d, "Content-Type: application/octet-stream",
			"Accept-Ranges: bytes", "Docker-Distribution-API-Version: registry/2.0")
	})
}

func TestBlobUnknown(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		d := c.pushBlob("a", "x")
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			c.do(method, "/v2/a/blobs/"+digest("y"), "").want(t, 404, "BLOB_UNKNOWN")
			c.do(method, "/v2/b/blobs/"+d, "").want(t, 404, "BLOB_UNKNOWN")
			c.do(method, "/v2/a/blobs/sha256:abc", "").want(t, 400, "DIGEST_INVALID")
			c.do(method, "/v2/a/blobs/md5:"+strings.Repeat("0", 32), "").want(t, 400, "DIGEST_INVALID")
		}
	})
}

func TestBlobDelete(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		d := c.pushBlob("a", "x")
		c.do("POST", "/v2/b/blobs/uploads/?mount="+d+"&from=a", "").want(t, 201, "")
		c.do("DELETE", "/v2/a/blobs/"+d, "").want(t, 202, "")
		c.do("GET", "/v2/a/blobs/"+d, "").want(t, 404, "BLOB_UNKNOWN")
		c.do("DELETE", "/v2/a/blobs/"+d, "").want(t, 404, "BLOB_UNKNOWN")
		c.do("GET", "/v2/b/blobs/"+d, "").want(t, 200, "")
	})
}

func TestStoreErrorTruncatesBlob(t *testing.T) {
	var reported error
	h := &registry.Handler{Store: failingStore{&registry.Memory{}}}
	h.OnError = func(_ *http.Request, err error) { reported = err }
	c := serve(t, h)
	d := c.pushBlob("a", "0123456789")
	if resp, err := c.try("GET", "/v2/a/blobs/"+d, ""); err == nil {
		t.Errorf("got %q and no error", resp.body)
	}
	if !errors.Is(reported, errDisk) {
		t.Errorf("OnError got %v", reported)
	}
}

func TestStoreErrorIsReportedToOperatorOnly(t *testing.T) {
	var reported error
	h := &registry.Handler{Store: failingStore{&registry.Memory{}}}
	h.OnError = func(_ *http.Request, err error) { reported = err }
	c := serve(t, h)
	resp := c.do("GET", "/v2/a/manifests/1", "").want(t, 500, "UNKNOWN")
	if strings.Contains(resp.body, errDisk.Error()) || !errors.Is(reported, errDisk) {
		t.Errorf("the client got %s, OnError got %v", resp.body, reported)
	}
	c.do("DELETE", "/v2/a/manifests/1", "").want(t, 405, "UNSUPPORTED")
	c.do("DELETE", "/v2/a/blobs/"+digest("x"), "").want(t, 403, "DENIED")
}

// A blob is deleted only once no manifest of its repository needs it.
func TestDeleteBlobThatAnImageNeeds(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		d := c.pushBlob("a", "layer")
		m := c.pushManifest("a", "", imageOf("layer"))
		c.do("POST", "/v2/b/blobs/uploads/?mount="+d+"&from=a", "").want(t, 201, "")
		resp := c.do("DELETE", "/v2/a/blobs/"+d, "").want(t, 405, "DENIED").wantHeader(t, "Allow: GET, HEAD")
		if !strings.Contains(resp.body, "manifest "+m+" needs this blob") {
			t.Errorf("got %s", resp.body)
		}
		c.do("HEAD", "/v2/a/blobs/"+d, "").want(t, 200, "")
		c.do("DELETE", "/v2/b/blobs/"+d, "").want(t, 202, "")
		c.do("DELETE", "/v2/a/manifests/"+m, "").want(t, 202, "")
		c.do("DELETE", "/v2/a/blobs/"+d, "").want(t, 202, "")
	})
}

// A manifest that an index lists is deleted: clients delete an image and its index in either order.
func TestDeleteManifestThatAnIndexLists(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		c.pushBlob("a", "layer")
		m := c.pushManifest("a", "", imageOf("layer"))
		index := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` +
			`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + m + `","size":` +
			strconv.Itoa(len(imageOf("layer"))) + `}]}`
		ix := c.pushManifest("a", "1", index)
		c.do("DELETE", "/v2/a/manifests/"+m, "").want(t, 202, "")
		c.do("HEAD", "/v2/a/manifests/1", "").want(t, 200, "")
		c.do("DELETE", "/v2/a/manifests/"+ix, "").want(t, 202, "")
	})
}
