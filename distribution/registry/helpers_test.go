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

// eachStore runs a test with each kind of store.
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

// response is an HTTP response with its body.
type response struct {
	*http.Response
	body string
}

// do sends a request; headers are "Name: value".
func (c client) do(method, path, body string, headers ...string) response {
	c.t.Helper()
	resp, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

func (c client) try(method, path, body string, headers ...string) (response, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	// A new connection for each request: on a reused one the transport could repeat the request.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return response{resp, string(b)}, err
}

// want checks the status and, if it is an error, the code in the body.
func (resp response) want(t testing.TB, status int, code string) response {
	t.Helper()
	var got struct {
		Errors []struct{ Code, Message string }
	}
	if resp.StatusCode >= 400 && resp.Request.Method != http.MethodHead {
		if err := json.Unmarshal([]byte(resp.body), &got); err != nil || len(got.Errors) == 0 || got.Errors[0].Message == "" {
			t.Errorf("%s %s: body %q is not a list of errors: %v", resp.Request.Method, resp.Request.URL, resp.body, err)
			return resp
		}
		if got.Errors[0].Code != code {
			t.Errorf("%s %s: got code %s, want %s", resp.Request.Method, resp.Request.URL, got.Errors[0].Code, code)
		}
	}
	if resp.StatusCode != status {
		t.Errorf("%s %s: got %s %s, want %d", resp.Request.Method, resp.Request.URL, resp.Status, resp.body, status)
	}
	return resp
}

// wantBody checks the body.
func (resp response) wantBody(t testing.TB, want string) response {
	t.Helper()
	if resp.body != want {
		t.Errorf("%s %s: got %q, want %q", resp.Request.Method, resp.Request.URL, resp.body, want)
	}
	return resp
}

// wantHeader checks headers given as "Name: value". An empty value means no such header.
func (resp response) wantHeader(t testing.TB, want ...string) response {
	t.Helper()
	for _, h := range want {
		name, value, _ := strings.Cut(h, ":")
		if got := resp.Header.Get(name); got != strings.TrimSpace(value) {
			t.Errorf("%s %s: got %s %q, want%s", resp.Request.Method, resp.Request.URL, name, got, value)
		}
	}
	return resp
}

// path returns the path and query of the Location header.
func (resp response) path() string {
	u, err := resp.Location()
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

// pushManifest pushes a document by tag, or by digest if the tag is empty.
func (c client) pushManifest(name, tag, document string) string {
	c.t.Helper()
	ref := tag
	if ref == "" {
		ref = digest(document)
	}
	c.do("PUT", "/v2/"+name+"/manifests/"+ref, document).want(c.t, 201, "")
	return digest(document)
}

// imageOf returns an image manifest with additional JSON members.
func imageOf(layer string, members ...string) string {
	d := descriptor("application/vnd.oci.image.config.v1+json", layer)
	return `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIManifest + `",` +
		strings.Join(append([]string{`"config":` + d, `"layers":[` + d + `]`}, members...), ",") + `}`
}

func descriptor(mediaType, content string) string {
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.Digest(digest(content)), Size: int64(len(content))}
	b, _ := json.Marshal(d)
	return string(b)
}
