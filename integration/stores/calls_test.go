package stores

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// registries are the registries for tests of single calls. Distribution 2.8 accepts chunks out of
// order, and lists all tags unsorted whatever page is requested.
var registries = map[string]struct {
	start  func(*testing.T) string
	strict bool
}{
	"distribution 3":   {func(t *testing.T) string { return servers.CNCF(t, servers.Options{}).Host }, true},
	"distribution 2.8": {func(t *testing.T) string { return servers.Debian(t, servers.Options{}).Host }, false},
	"embedded":         {func(t *testing.T) string { return embedded(t, &registry.Handler{}) }, true},
}

// Each call of the client works on real registries as documented.
func TestCalls(t *testing.T) {
	t.Parallel()
	for name, r := range registries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &distribution.Client{Host: r.start(t), PlainHTTP: true}
			if err := c.Ping(t.Context()); err != nil {
				t.Errorf("ping: %v", err)
			}
			t.Run("Chunks", func(t *testing.T) { testChunks(t, c, r.strict) })
			t.Run("Cancel", func(t *testing.T) { testCancel(t, c) })
			t.Run("Wrong", func(t *testing.T) { testWrongDigest(t, c) })
			t.Run("Blobs", func(t *testing.T) { testBlobCalls(t, c) })
			t.Run("Tags", func(t *testing.T) { testTags(t, c, r.strict) })
			t.Run("Catalog", func(t *testing.T) { testCatalog(t, c) })
			t.Run("Delete", func(t *testing.T) { testDelete(t, c) })
		})
	}
}

// startUpload opens an upload session.
func startUpload(t *testing.T, c *distribution.Client, repo string, d blob.Digest) distribution.UploadSession {
	t.Helper()
	u, err := c.StartUpload(t.Context(), repo, d)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// testChunks sends chunks and reads the upload's status.
func testChunks(t *testing.T, c *distribution.Client, strict bool) {
	raw, d := randomBlob(300_000, 80)
	u := startUpload(t, c, "calls/chunks", d.Digest)
	u, err := c.UploadChunk(t.Context(), u, 100_000, bytes.NewReader(raw[:100_000]))
	if err != nil || u.Offset != 100_000 {
		t.Fatalf("first chunk: at %d, %v", u.Offset, err)
	}
	if strict {
		wantGapRefused(t, c, u, raw[200_000:])
	}
	u, err = c.UploadStatus(t.Context(), u)
	if err != nil || u.Offset != 100_000 {
		t.Fatalf("status: at %d, %v", u.Offset, err)
	}
	u, err = c.UploadChunk(t.Context(), u, 100_000, bytes.NewReader(raw[100_000:200_000]))
	if err != nil || u.Offset != 200_000 {
		t.Fatalf("second chunk: at %d, %v", u.Offset, err)
	}
	if err := c.FinishUpload(t.Context(), u, d.Digest, 100_000, bytes.NewReader(raw[200_000:])); err != nil {
		t.Fatal(err)
	}
	wantBlobBytes(t, c, "calls/chunks", d.Digest, 0, raw)
}

// wantGapRefused sends a chunk beyond the upload's offset.
func wantGapRefused(t *testing.T, c *distribution.Client, u distribution.UploadSession, raw []byte) {
	t.Helper()
	u.Offset += int64(len(raw))
	var answer *distribution.Error
	_, err := c.UploadChunk(t.Context(), u, int64(len(raw)), bytes.NewReader(raw))
	if !errors.As(err, &answer) || answer.StatusCode != 416 {
		t.Errorf("a chunk after a gap: %v, want 416", err)
	}
}

func wantBlobBytes(t *testing.T, c *distribution.Client, repo string, d blob.Digest, offset int64, want []byte) {
	t.Helper()
	r, size, err := c.GetBlob(t.Context(), repo, d, offset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) || size != offset+int64(len(want)) {
		t.Errorf("%s from %d on: %d bytes of %d, error %v", d, offset, len(got), size, err)
	}
}

func testCancel(t *testing.T, c *distribution.Client) {
	raw, d := randomBlob(100_000, 81)
	u := startUpload(t, c, "calls/cancel", d.Digest)
	u, err := c.UploadChunk(t.Context(), u, 50_000, bytes.NewReader(raw[:50_000]))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CancelUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UploadStatus(t.Context(), u); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("status of a cancelled upload: %v", err)
	}
}

func testWrongDigest(t *testing.T, c *distribution.Client) {
	raw, d := randomBlob(1000, 82)
	_, other := randomBlob(1000, 83)
	err := c.FinishUpload(t.Context(), startUpload(t, c, "calls/wrong", d.Digest), other.Digest, d.Size,
		bytes.NewReader(raw))
	if !errors.Is(err, distribution.DigestInvalid) {
		t.Errorf("error %v, want DIGEST_INVALID", err)
	}
	if _, err := c.HeadBlob(t.Context(), "calls/wrong", other.Digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the wrong blob: %v", err)
	}
}

// testBlobCalls uploads with one POST where the registry supports it, and reads from an offset.
func testBlobCalls(t *testing.T, c *distribution.Client) {
	raw, d := randomBlob(100_000, 84)
	done, u, err := c.PostBlob(t.Context(), "calls/blobs", d.Digest, d.Size, bytes.NewReader(raw))
	if err == nil && !done {
		err = c.FinishUpload(t.Context(), u, d.Digest, d.Size, bytes.NewReader(raw))
	}
	if err != nil {
		t.Fatal(err)
	}
	if size, err := c.HeadBlob(t.Context(), "calls/blobs", d.Digest); err != nil || size != d.Size {
		t.Errorf("HEAD: %d bytes, %v", size, err)
	}
	wantBlobBytes(t, c, "calls/blobs", d.Digest, 0, raw)
	wantBlobBytes(t, c, "calls/blobs", d.Digest, 99_999, raw[99_999:])
	if done, _, err := c.Mount(t.Context(), "calls/mounted", d.Digest, "calls/blobs"); err != nil || !done {
		t.Errorf("mount: %t, %v", done, err)
	}
	wantBlobBytes(t, c, "calls/mounted", d.Digest, 0, raw)
}

// collect returns all names of a list.
func collect(t *testing.T, list iter.Seq2[string, error]) []string {
	t.Helper()
	var all []string
	for name, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}

// testTags lists tags in pages of two.
func testTags(t *testing.T, c *distribution.Client, strict bool) {
	im := fixture.Real().Only("linux/amd64")
	want := []string{"1.0", "1.1", "1.2", "1.3", "1.4"}
	for _, tag := range want {
		putImage(t, &distribution.Repository{Client: c, Name: "lists/tags"}, im, tag)
	}
	got := collect(t, c.Tags(t.Context(), "lists/tags", distribution.Page{Size: 2}))
	if !strict {
		slices.Sort(got)
	}
	if !slices.Equal(got, want) {
		t.Errorf("tags %q", got)
	}
	got = collect(t, c.Tags(t.Context(), "lists/tags", distribution.Page{Size: 2, Last: "1.2"}))
	if strict && !slices.Equal(got, want[3:]) {
		t.Errorf("tags after 1.2: %q", got)
	}
}

// testCatalog lists repositories in pages of two.
func testCatalog(t *testing.T, c *distribution.Client) {
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("lists/repository%d", i))
		putImage(t, &distribution.Repository{Client: c, Name: want[i]}, fixture.Real().Only("linux/amd64"), "1")
	}
	got := collect(t, c.Catalog(t.Context(), distribution.Page{Size: 2}))
	got = slices.DeleteFunc(got, func(name string) bool { return !slices.Contains(want, name) })
	if !slices.Equal(got, want) {
		t.Errorf("repositories %q, want %q", got, want)
	}
}

// testDelete deletes a manifest by its digest and a blob.
func testDelete(t *testing.T, c *distribution.Client) {
	im := fixture.Real().Only("linux/arm64")
	putImage(t, &distribution.Repository{Client: c, Name: "calls/delete"}, im, "1")
	m, b := string(im.Root().Digest), blob.Digest(im.Blobs[0].Digest)
	if err := c.DeleteManifest(t.Context(), "calls/delete", m); err != nil {
		t.Errorf("manifest: %v", err)
	}
	for _, ref := range []string{m, "1"} {
		if _, err := c.HeadManifest(t.Context(), "calls/delete", ref); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s after DELETE: %v", ref, err)
		}
	}
	if err := c.DeleteBlob(t.Context(), "calls/delete", b); err != nil {
		t.Errorf("blob: %v", err)
	}
	if _, err := c.HeadBlob(t.Context(), "calls/delete", b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("blob after DELETE: %v", err)
	}
}
