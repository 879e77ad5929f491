package registry_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// A registry with blobs elsewhere hashes uploads and serves what Elsewhere opens.
func TestMemoryWithBlobsElsewhere(t *testing.T) {
	const content = "content of the blob"
	open := func(_ context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
		if d.Digest != blob.Digest(digest(content)) {
			return nil, errors.New("unexpected blob")
		}
		return io.NopCloser(strings.NewReader(content[offset:])), nil
	}
	c := serve(t, &registry.Handler{Store: &registry.Memory{OpenBlob: open}})
	path := "/v2/a/blobs/" + c.pushBlob("a", content)
	if got := c.do("GET", path, "").want(t, 200, ""); got.body != content {
		t.Errorf("got %q", got.body)
	}
	if got := c.do("GET", path, "", "Range: bytes=5-").want(t, 206, ""); got.body != content[5:] {
		t.Errorf("got %q", got.body)
	}
	c.do("HEAD", path, "").want(t, 200, "").wantHeader(t, "Content-Length: 19")
	c.do("POST", "/v2/b/blobs/uploads/?from=a&mount="+digest(content), "").want(t, 201, "")
	c.do("POST", "/v2/a/blobs/uploads/?digest="+digest(content), "something else").want(t, 400, "DIGEST_INVALID")
	c.do("DELETE", path, "").want(t, 202, "")
	c.do("HEAD", path, "").want(t, 404, "")
	c.do("GET", "/v2/b/blobs/"+digest(content), "").want(t, 200, "")
}

// An upload of 64 MiB allocates less than 1 MiB.
func TestMemoryWithBlobsElsewhereKeepsNoBytes(t *testing.T) {
	store := &registry.Memory{OpenBlob: func(context.Context, manifest.Descriptor, int64) (io.ReadCloser, error) {
		return nil, errors.New("unexpected read")
	}}
	block, h := make([]byte, 1<<20), blob.SHA256.New()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	upload, err := store.Repository("a").NewUpload(t.Context(), blob.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		upload.Write(block)
		h.Write(block)
	}
	if err := upload.Commit(t.Context(), blob.FromHash(blob.SHA256, h)); err != nil || upload.Size() != 64<<20 {
		t.Fatal(err, upload.Size())
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("an upload of 64 MiB allocated %d bytes", allocated)
	}
}

// A blob that came in small writes is kept in parts, and is read from any offset.
func TestMemoryBlobInParts(t *testing.T) {
	content := strings.Repeat("0123456789", 500)
	r := (&registry.Memory{}).Repository("a")
	upload, err := r.NewUpload(t.Context(), blob.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(content); at += 100 {
		io.WriteString(upload, content[at:at+100])
	}
	d := manifest.Descriptor{Digest: blob.Digest(digest(content)), Size: int64(len(content))}
	if err := upload.Commit(t.Context(), d.Digest); err != nil || upload.Size() != d.Size {
		t.Fatal(err, upload.Size())
	}
	for _, offset := range []int64{0, 511, 512, 513, 3000, d.Size} {
		body, err := r.Blob(t.Context(), d, offset)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != content[offset:] {
			t.Errorf("from %d on: %d bytes, error %v", offset, len(got), err)
		}
	}
}
