package registry_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

func TestBase(t *testing.T) {
	c := serve(t, &registry.Handler{})
	for _, path := range []string{"/v2", "/v2/"} {
		for _, method := range []string{"GET", "HEAD"} {
			c.do(method, path, "").want(t, 200, "").
				wantHeader(t, "Docker-Distribution-API-Version: registry/2.0", "Content-Type: application/json")
		}
	}
}

func TestNoSuchPathOrMethod(t *testing.T) {
	c := serve(t, &registry.Handler{})
	for _, path := range []string{"/", "/v1/", "/v2/a", "/v2/a/b/c", "/v3/a/tags/list"} {
		c.do("GET", path, "").want(t, 404, "UNSUPPORTED")
	}
	c.do("GET", "/v2/A/tags/list", "").want(t, 400, "NAME_INVALID")
	c.do("GET", "/v2/a/%2e%2e/b/tags/list", "").want(t, 400, "NAME_INVALID")
	for path, allow := range map[string]string{
		"/v2/":                        "GET, HEAD",
		"/v2/_catalog":                "GET, HEAD",
		"/v2/a/tags/list":             "GET, HEAD",
		"/v2/a/blobs/" + digest("x"):  "DELETE, GET, HEAD",
		"/v2/a/manifests/1":           "DELETE, GET, HEAD, PUT",
		"/v2/a/blobs/uploads/":        "POST",
		"/v2/a/blobs/uploads/session": "DELETE, GET, HEAD, PATCH, PUT",
	} {
		c.do("OPTIONS", path, "").want(t, 405, "UNSUPPORTED").wantHeader(t, "Allow: "+allow)
	}
}

// TestContentSurvivesRestart reads from a new registry what was pushed to an old one on the same
// folder.
func TestContentSurvivesRestart(t *testing.T) {
	path := t.TempDir()
	old := serve(t, &registry.Handler{Store: onDisk(t, path)})
	layer := old.pushBlob("a", "layer")
	unused := old.pushBlob("a", "unused")
	old.do("POST", "/v2/b/blobs/uploads/?mount="+layer+"&from=a", "").want(t, 201, "")
	untagged := old.pushManifest("a", "", imageOf("layer"))
	old.pushManifest("a", "1", imageOf("layer", `"annotations":{"k":"v"}`))
	old.pushManifest("a", "deleted", imageOf("layer"))
	old.do("DELETE", "/v2/a/manifests/deleted", "").want(t, 202, "")
	session := old.startUpload("a")

	c := serve(t, &registry.Handler{Store: onDisk(t, path)})
	if diff := cmp.Diff([]string{"1"}, c.tags("a", "")); diff != "" {
		t.Error(diff)
	}
	for path, status := range map[string]int{
		"/v2/a/manifests/" + untagged: 200,
		"/v2/b/manifests/" + untagged: 404,
		"/v2/a/manifests/1":           200,
		"/v2/a/manifests/deleted":     404,
		"/v2/a/blobs/" + layer:        200,
		"/v2/b/blobs/" + layer:        200,
		"/v2/a/blobs/" + unused:       200,
		"/v2/b/blobs/" + unused:       404,
		session:                       404,
	} {
		c.do("HEAD", path, "").want(t, status, "")
	}
}

// TestDamagedManifestIsNotServed changes the bytes of a stored manifest.
func TestDamagedManifestIsNotServed(t *testing.T) {
	path := t.TempDir()
	c := serve(t, &registry.Handler{Store: onDisk(t, path)})
	subject := `"subject":` + descriptor(manifest.MediaTypeOCIManifest, "x")
	d := c.pushManifest("a", "1", imageOf("x", subject))
	file := filepath.Join(path, "blobs", "sha256", blob.Digest(d).Hex())
	if err := os.WriteFile(file, []byte(imageOf("y", subject)), 0o666); err != nil {
		t.Fatal(err)
	}
	c.do("GET", "/v2/a/manifests/1", "").want(t, 500, "UNKNOWN")
	c.do("GET", "/v2/a/referrers/"+digest("x"), "").want(t, 500, "UNKNOWN")
	c.pushManifest("a", "1", imageOf("x", subject))
	c.do("GET", "/v2/a/manifests/1", "").want(t, 200, "")
}

// TestCatalogOmitsNamesWithPort has a repository whose name cannot be in a path.
func TestCatalogOmitsNamesWithPort(t *testing.T) {
	path := t.TempDir()
	store := onDisk(t, path)
	if err := store.Repository("localhost:5000/x").PutManifest(t.Context(), "1", parse(t, imageOf("x"))); err != nil {
		t.Fatal(err)
	}
	c := serve(t, &registry.Handler{Store: store})
	c.pushManifest("docker.io/library/x", "1", imageOf("x"))
	if got := c.do("GET", "/v2/_catalog", "").body; got != `{"repositories":["docker.io/library/x"]}`+"\n" {
		t.Errorf("got %s", got)
	}
}

// FuzzHandler checks that every request gets a response of the registry, and none a 5xx.
func FuzzHandler(f *testing.F) {
	d := digest("x")
	f.Add("GET", "/v2/a/manifests/1", "tag=1", "0-1", imageOf("x"))
	f.Add("PUT", "/v2/a/manifests/1", "", "", imageOf("x"))
	f.Add("PUT", "/v2/a/manifests/"+digest(imageOf("x")), "tag=1&tag=2", "", imageOf("x"))
	f.Add("POST", "/v2/a/blobs/uploads/", "digest="+d, "", "x")
	f.Add("POST", "/v2/a/blobs/uploads/", "mount="+d+"&from=b", "", "")
	f.Add("GET", "/v2/a/blobs/"+d, "", "bytes=0-0", "")
	f.Add("GET", "/v2/a/referrers/"+d, "artifactType=x&n=1&last=y", "", "")
	f.Add("GET", "/v2/_catalog", "n=1&last=%zz", "", "")
	f.Add("PATCH", "/v2/a/blobs/uploads/x", "", "0-1", "xy")
	f.Add("DELETE", "/v2/a/manifests/1", "", "", "")
	h := &registry.Handler{Store: onDisk(f, f.TempDir()), MaxUploads: 10}
	f.Fuzz(func(t *testing.T, method, path, query, ranges, body string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		r.Header.Set("Range", ranges)
		r.Header.Set("Content-Range", ranges)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 500 || w.Header().Get("Docker-Distribution-API-Version") == "" {
			t.Errorf("%s %q?%q: got %d %s", method, path, query, w.Code, w.Body)
		}
		if w.Code == http.StatusNoContent && w.Body.Len() > 0 {
			t.Errorf("%s %q?%q: 204 with a body", method, path, query)
		}
	})
}
