package registry_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

func TestManifestByTagAndDigest(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		document := imageOf("layer")
		d := digest(document)
		resp := c.do("PUT", "/v2/a/b/manifests/1.6", document, "Content-Type: "+manifest.MediaTypeOCIManifest)
		resp.want(t, 201, "").wantHeader(t, "Location: /v2/a/b/manifests/"+d, "Docker-Content-Digest: "+d,
			"OCI-Subject:", "OCI-Tag:")
		for _, ref := range []string{"1.6", d} {
			for _, method := range []string{"GET", "HEAD"} {
				resp := c.do(method, "/v2/a/b/manifests/"+ref, "").want(t, 200, "")
				resp.wantHeader(t, "Content-Type: "+manifest.MediaTypeOCIManifest, "Docker-Content-Digest: "+d,
					fmt.Sprintf("Content-Length: %d", len(document)))
				if method == "GET" && resp.body != document {
					t.Errorf("%s: got %q", ref, resp.body)
				}
			}
		}
	})
}

func TestManifestKeepsItsContentType(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		unnamed := strings.Replace(imageOf("x"), `"mediaType":"`+manifest.MediaTypeOCIManifest+`",`, "", 1)
		contentType := "Content-Type: " + manifest.MediaTypeDockerManifest
		c.do("PUT", "/v2/a/manifests/1", unnamed, contentType+"; charset=utf-8").want(t, 201, "")
		for _, ref := range []string{"1", digest(unnamed)} {
			c.do("HEAD", "/v2/a/manifests/"+ref, "").want(t, 200, "").wantHeader(t, contentType)
		}
	})
}

func TestManifestRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		good := imageOf("x")
		const pathInDigest = `{"mediaType":"x","size":1,"digest":"sha256:../.."}`
		for _, x := range []struct {
			name, ref, document string
			status              int
			code                string
		}{
			{"no JSON", "1", "{", 400, "MANIFEST_INVALID"},
			{"empty", "1", "", 400, "MANIFEST_INVALID"},
			{"no manifest", "1", `{"schemaVersion":2}`, 400, "MANIFEST_INVALID"},
			{"schema 1", "1", `{"schemaVersion":1,"fsLayers":[]}`, 400, "MANIFEST_INVALID"},
			{"both kinds", "1", `{"schemaVersion":2,"manifests":[],"layers":[]}`, 400, "MANIFEST_INVALID"},
			{"path in layer", "1", `{"schemaVersion":2,"layers":[` + pathInDigest + `]}`, 400, "MANIFEST_INVALID"},
			{"path in subject", "1", imageOf("x", `"subject":`+pathInDigest), 400, "MANIFEST_INVALID"},
			{"another digest", digest("y"), good, 400, "DIGEST_INVALID"},
			{"digest of invalid JSON", digest("y"), "{", 400, "DIGEST_INVALID"},
			{"no digest", "sha256:x", good, 400, "DIGEST_INVALID"},
			{"no tag", "a:b", good, 400, "DIGEST_INVALID"},
			{"too large", "1", imageOf("x") + strings.Repeat(" ", manifest.MaxSize), 413, "SIZE_INVALID"},
			{"no tag parameter", digest(good) + "?tag=a/b", good, 400, "MANIFEST_INVALID"},
			{"tag parameter with tag", "1?tag=2", good, 400, "UNSUPPORTED"},
			{"too many tags", digest(good) + "?" + strings.Repeat("tag=1&", 101), good, 414, "UNSUPPORTED"},
		} {
			t.Run(x.name, func(t *testing.T) {
				c.do("PUT", "/v2/a/manifests/"+x.ref, x.document).want(t, x.status, x.code)
			})
		}
		c.do("GET", "/v2/a/tags/list", "").want(t, 404, "NAME_UNKNOWN")
	})
}

func TestManifestOfFourMebibytes(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		document := imageOf("x") + strings.Repeat(" ", manifest.MaxSize-len(imageOf("x")))
		c.pushManifest("a", "1", document)
		resp := c.do("GET", "/v2/a/manifests/1", "").want(t, 200, "")
		if resp.body != document || len(document) != manifest.MaxSize {
			t.Errorf("got %d of %d bytes", len(resp.body), len(document))
		}
	})
}

func TestTagParameters(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		document := imageOf("x")
		for _, algorithm := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
			d := string(algorithm.Digest([]byte(document)))
			query := url.Values{"tag": {"1.2.3", "1.2", string(algorithm)}}
			resp := c.do("PUT", "/v2/a/manifests/"+d+"?"+query.Encode(), document).want(t, 201, "")
			resp.wantHeader(t, "OCI-Tag: 1.2.3, 1.2, "+string(algorithm), "Docker-Content-Digest: "+d)
			for _, tag := range query["tag"] {
				c.do("GET", "/v2/a/manifests/"+tag, "").want(t, 200, "").wantHeader(t, "Docker-Content-Digest: "+d)
			}
		}
		if got := c.tags("a", ""); !cmp.Equal(got, []string{"1.2", "1.2.3", "sha256", "sha512"}) {
			t.Errorf("got tags %v", got)
		}
	})
}

func TestManifestDelete(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		d := c.pushManifest("a", "1", imageOf("x"))
		c.pushManifest("a", "2", imageOf("x"))
		c.pushManifest("b", "1", imageOf("x"))
		c.do("DELETE", "/v2/a/manifests/1", "").want(t, 202, "")
		c.do("DELETE", "/v2/a/manifests/1", "").want(t, 404, "MANIFEST_UNKNOWN")
		c.do("GET", "/v2/a/manifests/1", "").want(t, 404, "MANIFEST_UNKNOWN")
		c.do("GET", "/v2/a/manifests/"+d, "").want(t, 200, "")
		c.do("DELETE", "/v2/a/manifests/"+d, "").want(t, 202, "")
		c.do("DELETE", "/v2/a/manifests/"+d, "").want(t, 404, "MANIFEST_UNKNOWN")
		c.do("GET", "/v2/a/manifests/2", "").want(t, 404, "MANIFEST_UNKNOWN")
		c.do("GET", "/v2/b/manifests/1", "").want(t, 200, "")
		c.do("DELETE", "/v2/a/manifests/sha256:x", "").want(t, 400, "DIGEST_INVALID")
	})
}

func TestSparseManifests(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		image := imageOf("x")
		index := `{"schemaVersion":2,"manifests":[` + descriptor(manifest.MediaTypeOCIManifest, image) + `]}`
		lax := serve(t, &registry.Handler{Store: store})
		lax.pushManifest("lax", "index", index)
		lax.pushManifest("lax", "image", image)

		strict := serve(t, &registry.Handler{Store: store, RefuseSparse: true})
		resp := strict.do("PUT", "/v2/strict/manifests/1", image).want(t, 404, "MANIFEST_BLOB_UNKNOWN")
		if !strings.Contains(resp.body, digest("x")) {
			t.Errorf("%s does not have the missing digest", resp.body)
		}
		strict.do("PUT", "/v2/strict/manifests/1", index).want(t, 404, "MANIFEST_BLOB_UNKNOWN")
		strict.pushBlob("strict", "x")
		strict.pushManifest("strict", "", image)
		strict.pushManifest("strict", "1", index)
		foreign := descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "elsewhere")
		strict.pushManifest("strict", "2", `{"schemaVersion":2,"layers":[`+foreign+`]}`)
	})
}

// BuildKit's cache is an index of blobs. An entry of an unknown type may be a blob or a manifest.
func TestIndexOfBlobs(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store, RefuseSparse: true})
		image := imageOf("x")
		for _, mediaType := range []string{manifest.MediaTypeOCILayer, manifest.MediaTypeBuildKitCache, "text/spdx"} {
			index := `{"schemaVersion":2,"manifests":[` + descriptor(mediaType, mediaType) + `]}`
			c.do("PUT", "/v2/cache/manifests/1", index).want(t, 404, "MANIFEST_BLOB_UNKNOWN")
			c.pushBlob("cache", mediaType)
			c.pushManifest("cache", "1", index)
			c.do("GET", "/v2/cache/manifests/1", "").want(t, 200, mediaType)
			c.do("GET", "/v2/cache/manifests/"+digest(mediaType), "").want(t, 404, "MANIFEST_UNKNOWN")
		}
		c.pushBlob("cache", "x")
		c.pushManifest("cache", "", image)
		c.pushManifest("cache", "2", `{"schemaVersion":2,"manifests":[`+descriptor("application/x", image)+`]}`)
		asImage := `{"schemaVersion":2,"manifests":[` + descriptor(manifest.MediaTypeOCIManifest, "x") + `]}`
		c.do("PUT", "/v2/cache/manifests/3", asImage).want(t, 404, "MANIFEST_BLOB_UNKNOWN")
	})
}
