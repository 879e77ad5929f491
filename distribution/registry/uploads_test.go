package registry_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
)

// startUpload opens an upload session and returns its path.
func (c client) startUpload(name string) string {
	c.t.Helper()
	return c.do("POST", "/v2/"+name+"/blobs/uploads/", "").want(c.t, 202, "").wantHeader(c.t, "Range: 0-0").path()
}

func TestUploadWhole(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		for _, content := range []string{"", "x", strings.Repeat("layer", 100_000)} {
			for _, algorithm := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
				d := string(algorithm.Digest([]byte(content)))
				post := c.do("POST", "/v2/one/blobs/uploads/?digest="+d, content).want(t, 201, "")
				put := c.do("PUT", c.startUpload("two")+"?digest="+d, content).want(t, 201, "")
				query := "?digest-algorithm=" + string(algorithm)
				session := c.do("POST", "/v2/three/blobs/uploads/"+query, "").want(t, 202, "").path()
				c.do("PATCH", session, content).want(t, 202, "")
				patched := c.do("PUT", session+"?digest="+d, "").want(t, 201, "")
				for _, resp := range []response{post, put, patched} {
					resp.wantHeader(t, "Docker-Content-Digest: "+d)
					if got := c.do("GET", resp.path(), "").want(t, 200, ""); got.body != content {
						t.Errorf("got %d bytes, want %d", len(got.body), len(content))
					}
				}
			}
		}
	})
}

func TestUploadRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		const uploads = "/v2/a/blobs/uploads/"
		wrong := digest("y")
		c.do("POST", uploads+"?digest="+wrong, "x").want(t, 400, "DIGEST_INVALID")
		c.do("POST", uploads+"?digest=sha256:x", "x").want(t, 400, "DIGEST_INVALID")
		c.do("POST", uploads+"?digest=md5:00", "x").want(t, 400, "DIGEST_INVALID")
		c.do("POST", uploads+"?digest-algorithm=md5", "").want(t, 400, "DIGEST_INVALID")
		c.do("POST", uploads+"?mount=sha256:x&from=b", "").want(t, 400, "DIGEST_INVALID")

		s := c.startUpload("a")
		c.do("PUT", s, "x").want(t, 400, "DIGEST_INVALID")
		c.do("PUT", s+"?digest=x", "x").want(t, 400, "DIGEST_INVALID")
		c.do("GET", s, "").want(t, 204, "")
		c.do("PUT", s+"?digest="+wrong, "x").want(t, 400, "DIGEST_INVALID")
		c.do("GET", s, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
		c.do("HEAD", "/v2/a/blobs/"+wrong, "").want(t, 404, "")
		c.do("HEAD", "/v2/a/blobs/"+digest("x"), "").want(t, 404, "")
	})
}

func TestUploadInChunks(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		for _, last := range []string{"", "6789"} {
			s := c.startUpload("a")
			c.do("PATCH", s, "012", "Content-Range: 0-2").want(t, 202, "").wantHeader(t, "Range: 0-2", "Location: "+s)
			for _, wrong := range []string{"0-2", "2-4", "4-6", "1000-1002"} {
				resp := c.do("PATCH", s, "345", "Content-Range: "+wrong).want(t, 416, "BLOB_UPLOAD_INVALID")
				resp.wantHeader(t, "Range: 0-2", "Location: "+s)
				c.do("PUT", s+"?digest="+digest("0123456789"), "345", "Content-Range: "+wrong).want(t, 416, "BLOB_UPLOAD_INVALID")
			}
			for _, wrong := range []string{"x", "bytes 3-5/9", "5-3", "3-", "-", "-3-5", "3-99999999999999999999"} {
				c.do("PATCH", s, "345", "Content-Range: "+wrong).want(t, 400, "BLOB_UPLOAD_INVALID")
			}
			c.do("PATCH", s, "345", "Content-Range: 3-9").want(t, 400, "SIZE_INVALID")
			c.do("GET", s, "").want(t, 204, "").wantHeader(t, "Range: 0-2", "Location: "+s)
			c.do("PATCH", s, "345", "Content-Range: 3-5").want(t, 202, "").wantHeader(t, "Range: 0-5")
			if last == "" {
				c.do("PATCH", s, "6789").want(t, 202, "").wantHeader(t, "Range: 0-9")
				c.do("PUT", s+"?digest="+digest("0123456789"), "").want(t, 201, "")
			} else {
				c.do("PUT", s+"?digest="+digest("0123456789"), last, "Content-Range: 6-9").want(t, 201, "")
			}
			if resp := c.do("GET", "/v2/a/blobs/"+digest("0123456789"), ""); resp.body != "0123456789" {
				t.Errorf("got %q", resp.body)
			}
			c.do("GET", s, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
		}
	})
}

func TestUploadSessionOfAnotherRepository(t *testing.T) {
	c := serve(t, &registry.Handler{})
	s := c.startUpload("a")
	other := strings.Replace(s, "/a/", "/b/", 1)
	for _, method := range []string{"GET", "HEAD", "PATCH", "DELETE"} {
		c.do(method, other, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
	}
	c.do("PUT", other+"?digest="+digest(""), "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
	c.do("HEAD", s, "").want(t, 204, "")
}

func TestUploadCancel(t *testing.T) {
	path := t.TempDir()
	c := serve(t, &registry.Handler{Store: onDisk(t, path)})
	s := c.startUpload("a")
	c.do("PATCH", s, "x").want(t, 202, "")
	c.do("DELETE", s, "").want(t, 204, "")
	c.do("DELETE", s, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
	checkNoTempFiles(t, path)
}

func checkNoTempFiles(t *testing.T, path string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(path, ".transship", "tmp"))
	if len(left) > 0 || err != nil {
		t.Errorf("tmp has %v, error %v", left, err)
	}
}

func TestUploadTimeoutDropsIdleSessions(t *testing.T) {
	path := t.TempDir()
	c := serve(t, &registry.Handler{Store: onDisk(t, path), UploadTimeout: time.Nanosecond})
	first := c.startUpload("a")
	second := c.startUpload("a")
	c.do("GET", first, "").want(t, 404, "BLOB_UPLOAD_UNKNOWN")
	c.do("DELETE", second, "").want(t, 204, "")
	checkNoTempFiles(t, path)
}

func TestMaxBlobSize(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store, MaxBlobSize: 4})
		c.pushBlob("a", "1234")
		c.do("POST", "/v2/a/blobs/uploads/?digest="+digest("12345"), "12345").want(t, 413, "SIZE_INVALID")
		s := c.startUpload("a")
		c.do("PATCH", s, "123").want(t, 202, "")
		c.do("PATCH", s, "45").want(t, 413, "SIZE_INVALID")
		c.do("PATCH", s, "4").want(t, 202, "")
		c.do("PUT", s+"?digest="+digest("1234"), "").want(t, 201, "")
	})
}

// TestTruncatedUploadResumes sends half a body and then the rest.
func TestTruncatedUploadResumes(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		for _, method := range []string{"PATCH", "PUT"} {
			s := c.startUpload("a")
			body, send := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), method, c.url+s+"?digest="+digest("0123456789"), body)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = 10
			go func() {
				io.WriteString(send, "01234")
				send.CloseWithError(io.ErrUnexpectedEOF)
			}()
			if _, err := http.DefaultTransport.RoundTrip(req); err == nil {
				t.Fatal("no error for a truncated body")
			}
			// The server may see the end of the body later than the client.
			for n := 0; n < 1000 && c.do("GET", s, "").Header.Get("Range") != "0-4"; n++ {
			}
			c.do("PUT", s+"?digest="+digest("0123456789"), "56789", "Content-Range: 5-9").want(t, 201, "")
		}
	})
}

func TestMount(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		d := c.pushBlob("a", "x")
		for _, x := range []struct {
			name, query string
			status      int
		}{
			{"a", "mount=" + d + "&from=a", 201},
			{"b", "mount=" + d + "&from=a", 201},
			{"c", "mount=" + d, 201},
			{"d", "mount=" + d + "&from=missing", 202},
			{"d", "mount=" + d + "&from=No/Name", 202},
			{"d", "mount=" + digest("y") + "&from=a", 202},
			{"d", "mount=" + digest("y"), 202},
		} {
			resp := c.do("POST", "/v2/"+x.name+"/blobs/uploads/?"+x.query, "").want(t, x.status, "")
			if x.status == 202 {
				c.do("PUT", resp.path()+"?digest="+digest("z"), "z").want(t, 201, "")
				c.do("HEAD", "/v2/d/blobs/"+d, "").want(t, 404, "")
				continue
			}
			resp.wantHeader(t, "Docker-Content-Digest: "+d, "Location: /v2/"+x.name+"/blobs/"+d)
			c.do("HEAD", resp.path(), "").want(t, 200, "")
		}
	})
}

// TestConcurrentChunksOfOneSession sends one chunk from ten clients; only one succeeds.
func TestConcurrentChunksOfOneSession(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		s := c.startUpload("a")
		content := strings.Repeat("x", 1000)
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := map[int]int{}
		for range 10 {
			wg.Go(func() {
				resp, err := c.try("PATCH", s, content, "Content-Range: 0-999")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[resp.StatusCode]++
			})
		}
		wg.Wait()
		if got[202] != 1 || got[416] != 9 {
			t.Errorf("got %v", got)
		}
		c.do("PUT", s+"?digest="+digest(content), "").want(t, 201, "")
	})
}
