package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/blob/delta"
	"github.com/hczjl/transship/manifest"
)

// layerText is a layer of a version, which is not compressed.
func layerText(version string) string {
	return strings.Repeat("what both versions have. ", 400) + version + strings.Repeat(" and more of it", 400)
}

// addDelta adds a delta of the layer target to the layer base.
func (s *sample) addDelta(t testing.TB, base, target string) {
	t.Helper()
	var out bytes.Buffer
	err := new(delta.Differ).Diff(&out, delta.Blob{Reader: strings.NewReader(base), Size: int64(len(base))},
		delta.Blob{Reader: strings.NewReader(target), Size: int64(len(target))})
	if err != nil {
		t.Fatal(err)
	}
	d := Delta{
		Digest: blob.FromBytes(out.Bytes()), Size: int64(out.Len()), Version: delta.Version,
		Base: blob.FromBytes([]byte(base)), BaseSize: int64(len(base)), Repositories: []string{"docker.io/library/halo"},
	}
	s.bytes[d.Digest] = out.Bytes()
	s.Deltas = map[blob.Digest]Delta{blob.FromBytes([]byte(target)): d}
}

// deltaBundles writes 1.tar, and 2.tar with a delta to it, and returns what the second has.
func deltaBundles(t testing.TB, dir string) *sample {
	t.Helper()
	first := newSample()
	first.addImage("halo:1", first.image(t, "linux/amd64", layerText("one")))
	first.writeSplit(t, filepath.Join(dir, "1.tar"), 0, first.Blobs)
	second := newSample()
	second.addImage("halo:2", second.image(t, "linux/amd64", layerText("two")))
	second.Base = mustReadInventory(t, filepath.Join(dir, "1.tar"))
	second.addDelta(t, layerText("one"), layerText("two"))
	second.writeSplit(t, filepath.Join(dir, "2.tar"), 0, second.written())
	return second
}

// written returns descriptors of the blobs that are written: deltas in the place of their blobs.
func (s *sample) written() []manifest.Descriptor {
	var out []manifest.Descriptor
	for _, d := range s.Blobs {
		if delta, is := s.Deltas[d.Digest]; is {
			d = manifest.Descriptor{Digest: delta.Digest, Size: delta.Size}
		}
		out = append(out, d)
	}
	return out
}

func TestBundleWithDelta(t *testing.T) {
	dir := t.TempDir()
	s := deltaBundles(t, dir)
	two := layerText("two")
	d := manifest.Descriptor{Digest: blob.FromBytes([]byte(two)), Size: int64(len(two))}

	alone := openArchive(t, filepath.Join(dir, "2.tar"))
	if _, err := alone.Blob(t.Context(), d, 0); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "1.tar") {
		t.Errorf("without the base: got %v", err)
	}
	var base *BaseError
	if err := alone.SetBase(); !errors.As(err, &base) || len(base.Missing) != 1 {
		t.Errorf("got %v", err)
	}
	beside := alone.OpenBeside()
	if len(beside) != 1 || beside[0].Name() != "1.tar" {
		t.Fatalf("beside it is %v", beside)
	}
	defer beside[0].Close()
	a := openArchive(t, filepath.Join(dir, "2.tar"))
	if err := a.SetBase(beside[0]); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, 1, 5000, d.Size} {
		r, err := a.Blob(t.Context(), d, offset)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != two[offset:] {
			t.Errorf("from %d on: %d bytes, %v", offset, len(got), err)
		}
		r.Close()
	}
	if _, err := a.Blob(t.Context(), d, d.Size+1); err == nil {
		t.Error("an offset behind the end is no error")
	}
	checks := map[string]bool{}
	err := a.Verify(t.Context(), func(c Check) {
		checks[c.What] = true
		if c.Err != nil {
			t.Errorf("%s: %v", c.What, c.Err)
		}
	})
	if err != nil || !checks["blob "+string(d.Digest)+", made of a delta"] {
		t.Errorf("%v, checked: %v", err, checks)
	}

	var piped bytes.Buffer
	if _, err := StreamBundle(t.Context(), &piped, s.BundleContents, s.open); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, "2.tar"))
	if err != nil || !bytes.Equal(file, piped.Bytes()) {
		t.Errorf("a pipe gets other bytes than a file: %v", err)
	}
}

// An inventory whose deltas make no sense is refused.
func TestBadDeltas(t *testing.T) {
	dir := t.TempDir()
	deltaBundles(t, dir)
	raw, err := os.ReadFile(filepath.Join(dir, "2.tar.json"))
	if err != nil {
		t.Fatal(err)
	}
	two := string(blob.FromBytes([]byte(layerText("two"))))
	for name, test := range map[string]struct {
		change func(content, delta map[string]any, document map[string]any)
		want   string
	}{
		"of itself":   {func(_, d, _ map[string]any) { d["base"] = two }, "is none of a blob of its base"},
		"in the base": {func(c, _, _ map[string]any) { c["inBase"] = true }, "is none of a blob of its base"},
		"no base":     {func(_, _, doc map[string]any) { delete(doc, "base") }, "is none of a blob of its base"},
		"manifest":    {func(c, _, _ map[string]any) { c["mediaType"] = "x/y" }, "is none of a blob of its base"},
		"digest":      {func(_, d, _ map[string]any) { d["digest"] = "sha256:../x" }, "the delta of " + two},
		"base digest": {func(_, d, _ map[string]any) { d["base"] = "" }, "the delta of " + two},
		"size":        {func(_, d, _ map[string]any) { d["size"] = -1 }, "the delta of " + two},
		"version":     {func(_, d, _ map[string]any) { d["version"] = 3 }, "unknown version"},
	} {
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		for _, c := range doc["content"].([]any) {
			if content := c.(map[string]any); content["delta"] != nil {
				test.change(content, content["delta"].(map[string]any), doc)
			}
		}
		changed, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeInventory(changed); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A delta whose base is another blob is read once.
func TestDeltaOfAnotherBase(t *testing.T) {
	dir := t.TempDir()
	deltaBundles(t, dir)
	a := openArchive(t, filepath.Join(dir, "2.tar"))
	other := &otherStore{}
	if err := a.SetBase(other); err != nil {
		t.Fatal(err)
	}
	two := []byte(layerText("two"))
	r := blob.NewReader(t.Context(), blob.FromBytes(two), int64(len(two)), func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return a.Blob(ctx, manifest.Descriptor{Digest: blob.FromBytes(two), Size: int64(len(two))}, offset)
	})
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, ErrDamaged) || other.opened != 1 {
		t.Errorf("the base was opened %d times: %v", other.opened, err)
	}
}

// A base that lacks a blob is no other bundle.
func TestIncompleteBase(t *testing.T) {
	dir := t.TempDir()
	deltaBundles(t, dir)
	a, first := openArchive(t, filepath.Join(dir, "2.tar")), openArchive(t, filepath.Join(dir, "1.tar"))
	delete(first.blobs, blob.FromBytes([]byte(layerText("one"))))
	var base *BaseError
	if err := a.SetBase(first); !errors.As(err, &base) || base.Namesake != "" || a.Namesake() != "" {
		t.Errorf("%v, namesake %q", err, a.Namesake())
	}
}

// A delta that makes more or fewer bytes than its blob has is refused before it is applied.
func TestDeltaOfAnotherSize(t *testing.T) {
	dir := t.TempDir()
	s := deltaBundles(t, dir)
	two := blob.FromBytes([]byte(layerText("two")))
	s.addDelta(t, layerText("one"), layerText("two")+"more")
	for _, d := range s.Deltas {
		s.Deltas = map[blob.Digest]Delta{two: d}
	}
	s.writeSplit(t, filepath.Join(dir, "3.tar"), 0, s.written())
	a := openArchive(t, filepath.Join(dir, "3.tar"))
	if err := a.SetBase(openArchive(t, filepath.Join(dir, "1.tar"))); err != nil {
		t.Fatal(err)
	}
	_, err := a.Blob(t.Context(), manifest.Descriptor{Digest: two, Size: int64(len(layerText("two")))}, 0)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "bytes, not") {
		t.Errorf("got %v", err)
	}
}

// otherStore has another blob in the place of every one.
type otherStore struct{ opened int }

func (s *otherStore) String() string { return "other" }

func (s *otherStore) BlobSize(blob.Digest) (int64, error) { return int64(len(layerText("one"))), nil }

func (s *otherStore) Blob(context.Context, manifest.Descriptor, int64) (io.ReadCloser, error) {
	s.opened++
	return io.NopCloser(strings.NewReader("short")), nil
}

// Stores whose blobs are deltas of one another have no bottom.
func TestDeltasOfOneAnother(t *testing.T) {
	dir := t.TempDir()
	deltaBundles(t, dir)
	a := openArchive(t, filepath.Join(dir, "2.tar"))
	two := layerText("two")
	d := manifest.Descriptor{Digest: blob.FromBytes([]byte(two)), Size: int64(len(two))}
	if err := a.SetBase(endless{a, d}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Blob(t.Context(), d, 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// endless is a store that has every blob, and opens d of the archive for it.
type endless struct {
	archive *Archive
	d       manifest.Descriptor
}

func (e endless) String() string { return "endless" }

func (e endless) BlobSize(d blob.Digest) (int64, error) { return int64(len(layerText("one"))), nil }

func (e endless) Blob(ctx context.Context, _ manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	return e.archive.Blob(ctx, e.d, offset)
}
