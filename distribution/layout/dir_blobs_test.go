package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func TestPutBlobOutcomes(t *testing.T) {
	dir, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("layer")
	d := manifest.Descriptor{Digest: blob.FromBytes(content), Size: int64(len(content))}
	opened := 0
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
	for _, c := range []struct {
		repository string
		from       []string
		want       blob.Outcome
	}{
		{"a", nil, blob.Uploaded}, {"a", nil, blob.Exists},
		{"b", []string{"unknown", "a"}, blob.Mounted}, {"c", nil, blob.Mounted},
	} {
		got, err := dir.Repository(c.repository).PutBlob(t.Context(), d, open, c.from...)
		if err != nil || got != c.want {
			t.Errorf("into %s from %v: %s, error %v; want %s", c.repository, c.from, got, err, c.want)
		}
	}
	if opened != 1 {
		t.Errorf("the source was opened %d times, want once", opened)
	}
	wrong := d
	wrong.Digest = blob.FromBytes([]byte("other"))
	_, err = dir.Repository("a").PutBlob(t.Context(), wrong, open)
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("wrong content: error %v", err)
	}
	if _, err := dir.Repository("a").HeadBlob(t.Context(), wrong.Digest); err == nil {
		t.Error("wrong content was kept")
	}
}

// A blob whose file is too short is written again, not mounted.
func TestPutBlobOfWrongSize(t *testing.T) {
	d := openDir(t, t.TempDir())
	content := []byte("a layer that was cut off")
	desc := manifest.Descriptor{Digest: blob.FromBytes(content), Size: int64(len(content))}
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
	if _, err := d.Repository("a").PutBlob(t.Context(), desc, open); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(d.path, blobName(desc.Digest)), 3); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		outcome, err := d.Repository(name).PutBlob(t.Context(), desc, open)
		size, errHead := d.Repository(name).HeadBlob(t.Context(), desc.Digest)
		if err != nil || errHead != nil || size != desc.Size {
			t.Errorf("%s: outcome %s, error %v; it has %d of %d bytes, error %v", name, outcome, err, size, desc.Size, errHead)
		}
	}
}
