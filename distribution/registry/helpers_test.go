package registry_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// eachStore runs a test with a store of every kind.
func eachStore(t *testing.T, test func(t *testing.T, store registry.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, &registry.Memory{}) })
	t.Run("disk", func(t *testing.T) { test(t, onDisk(t, t.TempDir())) })
	t.Run("union", func(t *testing.T) {
		test(t, &registry.Union{Writable: &registry.Memory{}, Stores: []registry.Store{onDisk(t, t.TempDir())}})
	})
}

func onDisk(t testing.TB, path string) registry.Store {
	t.Helper()
	dir, err := layout.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return registry.OnDisk(dir)
}

// client sends requests to a handler over loopback.
type client struct {
	t   testing.TB
	url string
}

func serve(t testing.TB, h http.Handler) client {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return client{t, server.URL}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

// do sends a request; headers are "Name: value".
func (c client) do(method, path, body string, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c client) try(method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	// One connection each: the transport must not repeat a request by itself.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, string(b)}, err
}

// want checks the status, and an error's code where the status is one.
func (a answer) want(t testing.TB, status int, code string) answer {
	t.Helper()
	var got struct {
		Errors []struct{ Code, Message string }
	}
	if a.StatusCode >= 400 && a.Request.Method != http.MethodHead {
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got.Errors) == 0 || got.Errors[0].Message == "" {
			t.Errorf("%s %s: body %q is no list of errors: %v", a.Request.Method, a.Request.URL, a.body, err)
			return a
		}
		if got.Errors[0].Code != code {
			t.Errorf("%s %s: got code %s, want %s", a.Request.Method, a.Request.URL, got.Errors[0].Code, code)
		}
	}
	if a.StatusCode != status {
		t.Errorf("%s %s: got %s %s, want %d", a.Request.Method, a.Request.URL, a.Status, a.body, status)
	}
	return a
}

// header checks headers given as "Name: value"; an empty value means that the header must not be there.
func (a answer) header(t testing.TB, want ...string) answer {
	t.Helper()
	for _, h := range want {
		name, value, _ := strings.Cut(h, ":")
		if got := a.Header.Get(name); got != strings.TrimSpace(value) {
			t.Errorf("%s %s: got %s %q, want%s", a.Request.Method, a.Request.URL, name, got, value)
		}
	}
	return a
}

// path returns the path and query that the Location header leads to.
func (a answer) path() string {
	u, err := a.Location()
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

func digest(content string) string { return string(blob.FromBytes([]byte(content))) }

// pushBlob uploads a blob in one POST.
func (c client) pushBlob(name, content string) string {
	c.t.Helper()
	d := digest(content)
	c.do("POST", "/v2/"+name+"/blobs/uploads/?digest="+d, content).want(c.t, 201, "")
	return d
}

// pushManifest puts a document under a tag, or by digest where the tag is empty.
func (c client) pushManifest(name, tag, document string) string {
	c.t.Helper()
	ref := tag
	if ref == "" {
		ref = digest(document)
	}
	c.do("PUT", "/v2/"+name+"/manifests/"+ref, document).want(c.t, 201, "")
	return digest(document)
}

// imageOf is an image manifest; members are added to it as they stand.
func imageOf(layer string, members ...string) string {
	d := descriptor("application/vnd.oci.image.config.v1+json", layer)
	return `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIManifest + `","config":` + d + `,"layers":[` + d + `]` +
		strings.Join(append([]string{""}, members...), ",") + `}`
}

func descriptor(mediaType, content string) string {
	b, _ := json.Marshal(manifest.Descriptor{MediaType: mediaType, Digest: blob.Digest(digest(content)), Size: int64(len(content))})
	return string(b)
}
