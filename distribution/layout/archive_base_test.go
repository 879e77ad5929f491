package layout

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// bundleChain writes three bundles, each with the one before as its base. last is the third, whose
// image has layers in all of them.
func bundleChain(t *testing.T) (archives []*Archive, last *sample) {
	t.Helper()
	dir := t.TempDir()
	base := strings.Repeat("base ", 1000)
	for i, layers := range [][]string{{base, "one"}, {base, "one", "two"}, {base, "one", "two", "three"}} {
		s := newSample()
		s.addImage([]string{"halo:1", "copy/halo:2", "other/halo:3"}[i], s.image(t, "linux/amd64", layers...))
		path := filepath.Join(dir, []string{"1.tar", "2.tar", "3.tar"}[i])
		if i > 0 {
			s.Base = mustReadInventory(t, archives[i-1].String())
		}
		s.writeSplit(t, path, 0, s.Blobs)
		archives, last = append(archives, openArchive(t, path)), s
	}
	return archives, last
}

// After BuildOn a bundle shows every blob of its images, in whichever base it is.
func TestBuildOnArchives(t *testing.T) {
	archives, s := bundleChain(t)
	third := archives[2]
	if err := third.SetBase(third, archives[0], archives[1]); err != nil {
		t.Fatal(err)
	}
	r := third.Repository("other/halo")
	for _, d := range s.Blobs {
		size, err := r.HeadBlob(t.Context(), d.Digest)
		if size != d.Size || err != nil {
			t.Errorf("%s: got %d, error %v", d.Digest, size, err)
			continue
		}
		content, err := r.Blob(t.Context(), d, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := io.ReadAll(content); string(got) != string(s.bytes[d.Digest][1:]) || err != nil {
			t.Errorf("%s: got %q, error %v", d.Digest, got, err)
		}
		content.Close()
	}
	old := blob.FromBytes([]byte("one"))
	if _, err := third.BlobSize(old); third.Has(old) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("content of the base counts as the bundle's own: %v", err)
	}
	if _, err := third.Repository("nothing").HeadBlob(t.Context(), old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another repository shows it: %v", err)
	}
	if err := archives[0].SetBase(); err != nil {
		t.Errorf("without a base: %v", err)
	}
}

// A folder can be the base of a bundle.
func TestBuildOnFolder(t *testing.T) {
	archives, s := bundleChain(t)
	dir := openDir(t, t.TempDir())
	for _, content := range s.bytes {
		putBlob(t, dir.Repository("any"), string(content))
	}
	if err := archives[2].SetBase(dir); err != nil {
		t.Fatal(err)
	}
	content, err := archives[2].Repository("other/halo").Blob(t.Context(), s.Blobs[0], 5)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if got, _ := io.ReadAll(content); int64(len(got)) != s.Blobs[0].Size-5 {
		t.Errorf("got %d bytes", len(got))
	}
	for _, d := range []blob.Digest{"x", blob.FromBytes([]byte("nothing"))} {
		_, errSize := dir.BlobSize(d)
		_, errOpen := dir.Blob(t.Context(), manifest.Descriptor{Digest: d}, 0)
		if errSize == nil || errOpen == nil {
			t.Errorf("%s was found", d)
		}
	}
}

func TestBuildOnReportsMissing(t *testing.T) {
	archives, s := bundleChain(t)
	third := archives[2]
	err := third.SetBase(archives[1]) // which has neither the base layer nor "one"
	var typed *BaseError
	if !errors.As(err, &typed) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %#v", err)
	}
	if typed.Base.File != "2.tar" || len(typed.Missing) != 2 || typed.Total != 3 {
		t.Fatalf("got %#v", err)
	}
	wantError(t, err, "3.tar builds on 2.tar: 2 of the 3 blobs that it leaves there are missing")
	r := third.Repository("other/halo")
	if _, err := r.HeadBlob(t.Context(), blob.FromBytes([]byte("two"))); err != nil {
		t.Error(err)
	}
	if _, err := r.HeadBlob(t.Context(), s.Blobs[0].Digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// Content of another size than the inventory says does not count.
func TestBuildOnIgnoresOtherSizes(t *testing.T) {
	archives, s := bundleChain(t)
	dir := openDir(t, t.TempDir())
	for d := range s.bytes {
		mustWrite(t, "short", dir.blobPath(d))
	}
	var typed *BaseError
	if err := archives[2].SetBase(dir); !errors.As(err, &typed) || len(typed.Missing) != 3 {
		t.Errorf("got %v", err)
	}
}
