package registry_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// A registry whose blobs are elsewhere hashes what is put, and serves what is there.
func TestMemoryWithBlobsElsewhere(t *testing.T) {
	const content = "what it is said to be"
	store := &registry.Memory{Elsewhere: func(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
		if d.Digest != blob.Digest(digest(content)) {
			return nil, errors.New("nobody has it")
		}
		return io.NopCloser(strings.NewReader(content[offset:])), nil
	}}
	c := serve(t, &registry.Handler{Store: store})
	path := "/v2/a/blobs/" + c.pushBlob("a", content)
	if got := c.do("GET", path, "").want(t, 200, ""); got.body != content {
		t.Errorf("got %q", got.body)
	}
	if got := c.do("GET", path, "", "Range: bytes=5-").want(t, 206, ""); got.body != content[5:] {
		t.Errorf("got %q", got.body)
	}
	c.do("HEAD", path, "").want(t, 200, "").header(t, "Content-Length: 21")
	c.do("POST", "/v2/b/blobs/uploads/?from=a&mount="+digest(content), "").want(t, 201, "")
	c.do("POST", "/v2/a/blobs/uploads/?digest="+digest(content), "something else").want(t, 400, "DIGEST_INVALID")
	c.do("DELETE", path, "").want(t, 202, "")
	c.do("HEAD", path, "").want(t, 404, "")
	c.do("GET", "/v2/b/blobs/"+digest(content), "").want(t, 200, "")
}

// What is dropped must be dropped: one upload after the other, of more bytes than the test would want to hold.
func TestMemoryWithBlobsElsewhereHoldsNoBytes(t *testing.T) {
	store := &registry.Memory{Elsewhere: func(context.Context, manifest.Descriptor, int64) (io.ReadCloser, error) {
		return nil, errors.New("nobody reads")
	}}
	block := make([]byte, 1<<20)
	allocated := testing.AllocsPerRun(3, func() {
		upload, err := store.Repository("a").NewUpload(t.Context(), blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		for range 64 {
			upload.Write(block)
		}
		h := blob.SHA256.New()
		for range 64 {
			h.Write(block)
		}
		if err := upload.Commit(t.Context(), blob.FromHash(blob.SHA256, h)); err != nil || upload.Size() != 64<<20 {
			t.Fatal(err, upload.Size())
		}
	})
	if allocated > 100 {
		t.Errorf("%.0f allocations for an upload of 64 writes", allocated)
	}
}
