package layout

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// A manifest over the limit is refused for its size, not as one that is not there.
func TestManifestThatIsTooLarge(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	raw := []byte(`{"schemaVersion":2,"layers":[],"annotations":{"k":"` + strings.Repeat("x", manifest.MaxSize) + `"}}`)
	digest := blob.FromBytes(raw)
	entry := manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: digest, Size: int64(len(raw))}
	mustWrite(t, string(raw), d.blobPath(digest))
	if err := d.update(putEntries("big", entry, []string{"1"}, nil)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.privatePath()); err != nil {
		t.Fatal(err)
	}
	readOnly, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*Dir{"read only": readOnly, "writable": openDir(t, path)} {
		var document *manifest.DocumentError
		_, err := d.Repository("big").Manifest(t.Context(), "1")
		if !errors.Is(err, manifest.ErrTooLarge) || !errors.As(err, &document) {
			t.Errorf("%s: got error %v", name, err)
		}
		if bad := problems(t, d.Verify); len(bad) != 1 || !errors.Is(bad[0].Err, manifest.ErrTooLarge) {
			t.Errorf("%s: problems %v", name, bad)
		}
	}
}

// An index.json or oci-layout beyond any use is refused as such a member of a tar is, unread.
func TestDocumentOfFolderThatIsTooLarge(t *testing.T) {
	for _, name := range []string{indexFile, layoutFile} {
		path := t.TempDir()
		d := openDir(t, path)
		putManifest(t, d.Repository("r"), "1", imageManifest(t, putBlob(t, d.Repository("r"), "layer"), nil))
		if err := os.Truncate(d.files.path(name), maxIndex+1); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Dir, error){OpenDir, OpenReadOnly} {
			d, err := open(path)
			if err == nil {
				_, err = d.Roots()
			}
			if !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: got error %v", name, err)
			}
		}
	}
}

// A tag that would make index.json so large that it cannot be read again is refused, and nothing is lost.
func TestTagThatMakesIndexTooLarge(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	if err := d.update(putEntries("r", testDescriptor("a"), []string{"1"}, nil)); err != nil {
		t.Fatal(err)
	}
	err := d.update(func(in []*entry) ([]*entry, error) {
		large := &entry{Descriptor: testDescriptor("a"), repository: "r", tag: "2", raw: make([]byte, maxIndex)}
		return append(slices.Clone(in), large), nil
	})
	if err == nil || !strings.Contains(err.Error(), "too many tags") {
		t.Errorf("got error %v", err)
	}
	if err := d.update(putEntries("r", testDescriptor("a"), []string{"3"}, nil)); err != nil {
		t.Fatal(err)
	}
	tags, err := openDir(t, path).Repository("r").Tags(t.Context())
	if err != nil || !slices.Equal(tags, []string{"1", "3"}) {
		t.Errorf("got %v, %v", tags, err)
	}
}
