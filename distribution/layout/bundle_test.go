package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func TestBundleRoundTrip(t *testing.T) {
	s := threeImages(t)
	path, in := s.bundle(t)
	a := openArchive(t, path)

	var names []string
	for _, im := range a.Images() {
		names = append(names, im.Name)
		m, err := a.Manifest(t.Context(), im.Name)
		if err != nil || m.Digest != im.Digest {
			t.Errorf("%s: got %s, error %v", im.Name, m.Digest, err)
		}
	}
	signature := s.Images[3].Digest
	want := []string{
		"docker.io/hczjl/halo:1.6", "docker.io/hczjl/halo:latest",
		"docker.io/hczjl/halo@" + string(signature), "registry.example:5000/tool:2",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for _, m := range s.Manifests {
		got, err := a.Manifest(t.Context(), string(m.Digest))
		if err != nil || !bytes.Equal(got.Raw, m.Raw) || got.MediaType != m.MediaType {
			t.Errorf("manifest %s: got %s %s, error %v", m.Digest, got.MediaType, got.Raw, err)
		}
	}
	for d, content := range s.bytes {
		r, err := a.Blob(t.Context(), manifest.Descriptor{Digest: d}, 1)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[1:]) {
			t.Errorf("blob %s: got %q, error %v", d, got, err)
		}
	}
	if got, err := a.Inventory(); err != nil || got.ID != in.ID || len(got.Content) != len(in.Content) {
		t.Errorf("got inventory %+v, error %v", got, err)
	}
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

func TestBundleIsDeterministic(t *testing.T) {
	s := threeImages(t)
	path, in := s.bundle(t)
	want := mustRead(t, path)

	other := &sample{s.BundleContents, s.bytes}
	other.Images, other.Manifests = reversed(s.Images), reversed(s.Manifests)
	other.Blobs = append(reversed(s.Blobs), s.Blobs[0])
	again, in2 := other.bundle(t)
	if !bytes.Equal(mustRead(t, again), want) {
		t.Error("the order of the contents changes the bytes")
	}
	if diff := cmp.Diff(in, in2); diff != "" {
		t.Error(diff)
	}
	var stream bytes.Buffer
	in3, err := StreamBundle(t.Context(), &stream, other.BundleContents, s.open)
	if err != nil || !bytes.Equal(stream.Bytes(), want) || in3.ID != in.ID {
		t.Errorf("the stream differs: %d bytes, %s, error %v", stream.Len(), in3.ID, err)
	}
}

func TestBundleFilledConcurrently(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	want := mustRead(t, path)
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	var wg sync.WaitGroup
	var written atomic.Int32
	for _, d := range append(s.Blobs, reversed(s.Blobs)...) {
		wg.Go(func() {
			outcome, err := b.PutBlob(t.Context(), d, s.open(d))
			if err != nil {
				t.Error(err)
			}
			if outcome == blob.Uploaded {
				written.Add(1)
			}
		})
	}
	wg.Wait()
	if int(written.Load()) != len(s.bytes) {
		t.Errorf("%d blobs were written, there are %d", written.Load(), len(s.bytes))
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mustRead(t, path), want) {
		t.Error("the bytes differ")
	}
}

func TestBundleRefusesWrongBytes(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	d := s.Blobs[0]
	wrong := func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat("x", int(d.Size)))), nil
	}
	var mismatch *blob.MismatchError
	if _, err := b.PutBlob(t.Context(), d, wrong); !errors.As(err, &mismatch) {
		t.Errorf("got %v", err)
	}
	_, err = b.PutBlob(t.Context(), manifest.Descriptor{Digest: blob.FromBytes(nil)}, wrong)
	wantError(t, err, "not among the contents")
	_, err = b.Commit(t.Context())
	wantError(t, err, "are missing")
	for _, d := range s.Blobs {
		if _, err := b.PutBlob(t.Context(), d, s.open(d)); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if bad := problems(t, openArchive(t, path).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

func TestBundleManifests(t *testing.T) {
	s := threeImages(t)
	b, err := CreateBundle(filepath.Join(t.TempDir(), "b.tar"), s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	m := s.Manifests[0]
	if _, err := b.HeadManifest(t.Context(), string(m.Digest)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := b.PutManifest(t.Context(), "1.6", m); err != nil {
		t.Error(err)
	}
	wantError(t, b.PutManifest(t.Context(), "1.6", indexManifest(t)), "not among the contents")
}

func TestBundleVolumes(t *testing.T) {
	s := threeImages(t)
	whole, single := s.bundle(t)
	want := mustRead(t, whole)
	path := filepath.Join(t.TempDir(), "b.tar")
	in := s.writeSplit(t, path, 3000, reversed(s.Blobs))
	if in.ID != single.ID {
		t.Errorf("the ID is %s if split, %s if not", in.ID, single.ID)
	}
	var joined []byte
	for i, v := range in.Volumes {
		b := mustRead(t, filepath.Join(filepath.Dir(path), v.File))
		want := Volume{File: filepath.Base(volumePath(path, i)), Size: int64(len(b)), Digest: blob.FromBytes(b)}
		if v != want || v.Size > 3000 {
			t.Errorf("volume %+v has %d bytes", v, len(b))
		}
		joined = append(joined, b...)
	}
	if !bytes.Equal(joined, want) || len(in.Volumes) != (len(want)+2999)/3000 {
		t.Errorf("%d volumes of %d bytes, want %d bytes", len(in.Volumes), len(joined), len(want))
	}
	for _, name := range []string{path, path + ".001"} {
		a := openArchive(t, name)
		if bad := problems(t, a.Verify); bad != nil || len(a.Images()) != 4 || a.Name() != "b.tar" {
			t.Errorf("%s: problems %v", name, bad)
		}
	}
	beside, err := ReadInventory(path + ".json")
	if diff := cmp.Diff(in, beside); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// TestBundleSum asks for the digest of a single file whose blobs arrive in reverse order, one of
// them in an earlier run.
func TestBundleSum(t *testing.T) {
	s := threeImages(t)
	whole, plain := s.bundle(t)
	want := Volume{File: "b.tar", Size: int64(len(mustRead(t, whole))), Digest: blob.FromBytes(mustRead(t, whole))}
	if got := plain.Volumes; len(got) != 1 || got[0] != (Volume{File: want.File, Size: want.Size}) {
		t.Errorf("not asked for: got %+v", got)
	}
	path := filepath.Join(t.TempDir(), "b.tar")
	left, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := left.PutBlob(t.Context(), s.Blobs[2], s.open(s.Blobs[2])); err != nil {
		t.Fatal(err)
	}
	left.Close()
	in := s.writeFiles(t, path, BundleFiles{Digest: true}, reversed(s.Blobs))
	beside, err := ReadInventory(path + ".json")
	if len(in.Volumes) != 1 || in.Volumes[0] != want || !cmp.Equal(in, beside) {
		t.Errorf("want %+v, got %+v, beside %+v, error %v", want, in.Volumes, beside.Volumes, err)
	}
}

func TestCreateRefusesVolumeSizes(t *testing.T) {
	s := threeImages(t)
	for size, text := range map[int64]string{-1: "too small", 511: "too small", 512: ""} {
		b, err := CreateBundle(filepath.Join(t.TempDir(), "b.tar"), s.BundleContents, BundleFiles{VolumeSize: size})
		if text == "" {
			if err != nil {
				t.Fatal(err)
			}
			b.Abort()
			continue
		}
		wantError(t, err, text)
	}
	s.addImage("big:1", s.image(t, "linux/amd64", strings.Repeat("x", 600<<10)))
	_, err := CreateBundle(filepath.Join(t.TempDir(), "b.tar"), s.BundleContents, BundleFiles{VolumeSize: 512})
	wantError(t, err, "the maximum is 999")
}

// Nothing is left of an earlier bundle, whether either is split or not.
func TestBundleReplaces(t *testing.T) {
	small := newSample()
	small.addImage("a:1", small.image(t, "linux/amd64", "a"))
	large := threeImages(t)
	for _, was := range []int64{0, 2000} {
		for _, is := range []int64{0, 4000} {
			path := filepath.Join(t.TempDir(), "b.tar")
			large.writeSplit(t, path, was, large.Blobs)
			in := small.writeSplit(t, path, is, small.Blobs)
			want := []string{"b.tar.json"}
			for _, v := range in.Volumes {
				want = append(want, v.File)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, fileNames(t, filepath.Dir(path))); diff != "" {
				t.Errorf("%d to %d: %s", was, is, diff)
			}
			if bad := problems(t, openArchive(t, path).Verify); bad != nil {
				t.Errorf("%d to %d: problems: %v", was, is, bad)
			}
		}
	}
}

func fileNames(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestCreateBusy(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateBundle(path, s.BundleContents, BundleFiles{VolumeSize: 1000}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if err := b.Abort(); err != nil {
		t.Error(err)
	}
	if left := fileNames(t, filepath.Dir(path)); left != nil {
		t.Errorf("left: %v", left)
	}
	if err := errors.Join(b.Abort(), b.Close()); err != nil {
		t.Error(err)
	}
	s.writeSplit(t, path, 0, s.Blobs)
}

// TestBundleResumes leaves a bundle half filled and damages one blob. With the same contents, only
// the missing blobs and the damaged one are read again.
func TestBundleResumes(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	half := s.Blobs[:4]
	for _, d := range half {
		if _, err := b.PutBlob(t.Context(), d, s.open(d)); err != nil {
			t.Fatal(err)
		}
	}
	damaged := b.slots[half[0].Digest]
	if _, err := b.volumes.WriteAt([]byte("!"), damaged.offset); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b, err = CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	seen := map[blob.Digest]bool{}
	for _, d := range s.Blobs {
		outcome, err := b.PutBlob(t.Context(), d, s.open(d))
		if err != nil {
			t.Fatal(err)
		}
		written := slices.ContainsFunc(half, func(h manifest.Descriptor) bool { return h.Digest == d.Digest })
		there := seen[d.Digest] || written && d.Digest != damaged.Digest
		if want := map[bool]blob.Outcome{true: blob.Exists, false: blob.Uploaded}[there]; outcome != want {
			t.Errorf("%s: want %v, got %v", d.Digest, want, outcome)
		}
		seen[d.Digest] = true
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bad := problems(t, openArchive(t, path).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

// Nothing of an unfinished bundle with other contents gets into the next one.
func TestBundleReplacesUnfinished(t *testing.T) {
	large, small := tenImages(t), threeImages(t)
	reference, _ := small.bundle(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	b, err := CreateBundle(path, large.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range large.Blobs {
		if _, err := b.PutBlob(t.Context(), d, large.open(d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	small.writeSplit(t, path, 0, small.Blobs)
	if !bytes.Equal(mustRead(t, path), mustRead(t, reference)) {
		t.Error("the bytes differ")
	}
}

// TestUnpackedBundleIsLayout unpacks a bundle and opens the folder.
func TestUnpackedBundleIsLayout(t *testing.T) {
	s := threeImages(t)
	chart := s.artifact(t, "chart", nil)
	s.addImage("chart:3@"+string(chart.Digest), chart)
	path, _ := s.bundle(t)
	dir := t.TempDir()
	for _, m := range readTar(t, mustRead(t, path)) {
		mustWrite(t, string(m.content), dir, m.header.Name)
	}
	d := openDir(t, dir)
	if bad := problems(t, d.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	for name, want := range map[string]string{
		"docker.io/hczjl/halo": "1.6 latest", "docker.io/library/chart": "3", "registry.example:5000/tool": "2",
	} {
		tags, err := d.Repository(name).Tags(t.Context())
		if got := strings.Join(tags, " "); err != nil || got != want {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
	}
}

func TestCreateKeepsForeignFolders(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	mustWrite(t, "notes", path+".partial", "notes.txt")
	_, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	wantError(t, err, "is in the way")
	if string(mustRead(t, path+".partial/notes.txt")) != "notes" {
		t.Error("the file was changed")
	}
	_, err = CreateBundle(t.TempDir(), s.BundleContents, BundleFiles{})
	wantError(t, err, "no regular file")
	if _, err = CreateBundle(filepath.Join(t.TempDir(), "no", "b.tar"), s.BundleContents, BundleFiles{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestCreateRefusesIncompleteContents(t *testing.T) {
	for text, change := range map[string]func(*sample){
		"not among the contents": func(s *sample) { s.Blobs = slices.Delete(s.Blobs, 1, 2) },
		"its manifest":           func(s *sample) { s.addImage("x:1", manifest.Manifest{Descriptor: s.Blobs[0]}) },
		"is not an image name":   func(s *sample) { s.Images[0].Name = "No Name" },
		"has another digest":     func(s *sample) { s.Images[0].Name = "x@" + string(blob.FromBytes(nil)) },
		"names two images":       func(s *sample) { s.addImage("hczjl/halo:1.6", s.Manifests[0]) },
		"but a descriptor says":  func(s *sample) { s.Blobs[1].Size++ },
		"invalid digest":         func(s *sample) { s.Blobs[0].Digest = "sha256:../.." },
		"want sha256:":           func(s *sample) { s.Manifests[0].Raw = append([]byte(" "), s.Manifests[0].Raw[1:]...) },
		"manifest sha256:":       func(s *sample) { s.Manifests = s.Manifests[1:] },
	} {
		s := threeImages(t)
		change(s)
		_, err := CreateBundle(filepath.Join(t.TempDir(), "b.tar"), s.BundleContents, BundleFiles{})
		wantError(t, err, text)
	}
}

func TestCreateRefusesDeepIndexes(t *testing.T) {
	s := newSample()
	ix := s.image(t, "linux/amd64", "layer")
	for range manifest.MaxDepth + 1 {
		ix = s.index(t, ix)
	}
	s.addImage("deep:1", ix)
	_, err := CreateBundle(filepath.Join(t.TempDir(), "b.tar"), s.BundleContents, BundleFiles{})
	wantError(t, err, "nested more than 50 levels deep")
	s.Images[0] = Image{"deep:1", s.Manifests[manifest.MaxDepth].Descriptor}
	s.bundle(t)
}

func TestStreamFails(t *testing.T) {
	s := threeImages(t)
	wrong := func(manifest.Descriptor) blob.Open {
		return func(context.Context, int64) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }
	}
	var mismatch *blob.MismatchError
	if _, err := StreamBundle(t.Context(), io.Discard, s.BundleContents, wrong); !errors.As(err, &mismatch) {
		t.Errorf("got %v", err)
	}
	r, w := io.Pipe()
	r.Close()
	if _, err := StreamBundle(t.Context(), w, s.BundleContents, s.open); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// What a signed bundle leaves that was not committed is removed with the folder.
func TestSignatureOfUnfinishedBundle(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "x.tar")
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{Sign: func([]byte) ([]byte, error) { return []byte("sig"), nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Blobs {
		if _, err := b.PutBlob(t.Context(), d, s.open(d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.writeInventory(); err != nil { // as Commit does
		t.Fatal(err)
	}
	if err := b.Close(); err != nil { // or the process is killed
		t.Fatal(err)
	}
	s.writeFiles(t, path, BundleFiles{}, s.Blobs)
	if left, err := os.ReadDir(path + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is left", left)
	}
	again, err := CreateBundle(path, s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	again.Abort()
}

// Sizes of foreign descriptors, whose sum overflows, are refused.
func TestBundleSizeOverflow(t *testing.T) {
	for _, sizes := range [][]int64{{1 << 62, 1 << 62, 1 << 62, 1 << 62}, {math.MaxInt64}} {
		s := newSample()
		var layers []manifest.Descriptor
		for i, size := range sizes {
			d := manifest.Descriptor{
				MediaType: manifest.MediaTypeOCILayer, Size: size, Digest: blob.FromBytes([]byte(fmt.Sprint(i))),
			}
			s.Blobs = append(s.Blobs, d)
			layers = append(layers, d)
		}
		s.addImage("halo:1", s.layers(t, s.blob(manifest.MediaTypeOCIConfig, "{}"), layers...))
		if size, err := BundleSize("", s.BundleContents, BundleFiles{}); err == nil {
			t.Errorf("%d: a bundle of %d bytes", sizes, size)
		}
	}
}
