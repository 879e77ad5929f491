package layout

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// flip changes one byte of a file.
func flip(t testing.TB, path string, offset int64) {
	t.Helper()
	b := read(t, path)
	b[offset] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyReportsAll(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	a := openArchive(t, path)
	checks, size := 0, int64(0)
	if err := a.Verify(t.Context(), func(c Check) { checks++; size += c.Size }); err != nil {
		t.Error(err)
	}
	want := int64(0)
	for _, at := range a.blobs {
		want += at.size
	}
	if checks != len(a.blobs)+len(a.images)+6 || size != want { // and the volume, four documents, and the end
		t.Errorf("%d checks of %d bytes, want %d bytes", checks, size, want)
	}
}

// TestVerifyFindsEveryProblem damages three places.
func TestVerifyFindsEveryProblem(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	a := openArchive(t, path)
	layer, config, child := s.Blobs[1], s.Blobs[2], s.Manifests[0]
	flip(t, path, a.blobs[layer.Digest].offset)
	flip(t, path, a.blobs[config.Digest].offset)
	flip(t, path, a.blobs[child.Digest].offset)
	found := map[blob.Digest]int{}
	for _, c := range problems(t, openArchive(t, path).Verify) {
		var mismatch *blob.MismatchError
		if !errors.As(c.Err, &mismatch) {
			t.Errorf("%+v", c)
		}
		found[c.Digest]++
	}
	// The manifest counts once for its bytes and twice for the images that need it.
	if found[layer.Digest] != 1 || found[config.Digest] != 1 || found[child.Digest] != 3 || len(found) != 3 {
		t.Errorf("got %v", found)
	}
}

// TestVerifyOutsideOfBlobs changes what stands under no blob's digest: only that of the whole file tells of padding.
func TestVerifyOutsideOfBlobs(t *testing.T) {
	s := threeImages(t)
	for name, test := range map[string]struct {
		change        func(t *testing.T, path string)
		plain, summed []string // what is wrong
	}{
		"padding": {func(t *testing.T, path string) { flip(t, path, int64(len(read(t, path)))-2*tarBlock-1) }, nil, []string{"volume b.tar"}},
		"a name": {func(t *testing.T, path string) {
			flip(t, path, int64(bytes.Index(read(t, path), []byte("halo:latest"))))
		}, []string{indexFile}, []string{"volume b.tar", indexFile}},
		"more zeros": {func(t *testing.T, path string) {
			writeFile(t, string(read(t, path))+strings.Repeat("\x00", tarBlock), path)
		}, []string{"volume b.tar"}, []string{"volume b.tar"}},
		"an end cut off": {func(t *testing.T, path string) {
			b := read(t, path)
			writeFile(t, string(b[:len(b)-tarBlock]), path)
		}, []string{"volume b.tar", "the end of the tar"}, []string{"volume b.tar", "the end of the tar"}},
		"garbage": {func(t *testing.T, path string) {
			writeFile(t, string(read(t, path))+"garbage", path)
		}, []string{"volume b.tar", "the end of the tar"}, []string{"volume b.tar", "the end of the tar"}},
	} {
		for _, sum := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "b.tar")
			s.writeTo(t, path, Files{Sum: sum}, s.Blobs)
			test.change(t, path)
			want := map[bool][]string{false: test.plain, true: test.summed}[sum]
			var got []string
			for _, c := range problems(t, openArchive(t, path).Verify) {
				got = append(got, c.What)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, with a digest %v: %s", name, sum, diff)
			}
		}
	}
}

// TestVerifyNamesVolumes damages a split bundle: in a blob, and in a place where no blob is.
func TestVerifyNamesVolumes(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	s.write(t, path, 4096, s.Blobs)
	a := openArchive(t, path)
	at := a.blobs[blob.FromBytes([]byte(strings.Repeat("base ", 1000)))]
	i := a.volumes.volumeAt(at.offset)
	flip(t, volumePath(path, i), at.offset-a.volumes.files[i].start)
	flip(t, volumePath(path, 0), 20) // in a header
	var whats []string
	for _, c := range problems(t, a.Verify) {
		whats = append(whats, c.What)
	}
	text := strings.Join(whats, "\n")
	for _, want := range []string{"volume b.tar.001", "volume " + filepath.Base(volumePath(path, i)), " in " + filepath.Base(volumePath(path, i)) + " to "} {
		if len(whats) != 3 || !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestVerifyInventoryBeside(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	other := newSample()
	other.name("x:1", other.image(t, "linux/amd64", "x"))
	otherPath, _ := other.bundle(t)
	if err := os.WriteFile(path+".json", read(t, otherPath+".json"), 0o666); err != nil {
		t.Fatal(err)
	}
	bad := problems(t, openArchive(t, path).Verify)
	if len(bad) != 1 {
		t.Fatalf("got %v", bad)
	}
	says(t, bad[0].Err, "inventory of another bundle")
}

// TestVerifyReferences takes content out of a plain layout, and offers docker what is not there.
func TestVerifyReferences(t *testing.T) {
	files := plainLayout("1")
	files = append(files[:3], file{name: dockerFile, content: `[{"Config":"nowhere"}]`})
	bad := problems(t, openArchive(t, save(t, tarOf(t, files...))).Verify)
	if len(bad) != 2 || !errors.Is(bad[1].Err, fs.ErrNotExist) {
		t.Fatalf("got %v", bad)
	}
	says(t, bad[0].Err, "points to nowhere")
	if !strings.HasPrefix(bad[1].What, "image sha256:") {
		t.Errorf("got %+v", bad[1])
	}
}

func TestVerifyIsCancelled(t *testing.T) {
	path, _ := threeImages(t).bundle(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := openArchive(t, path).Verify(ctx, func(Check) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	d := open(t, t.TempDir())
	putBlob(t, d.Repository("r"), "x")
	if err := d.Verify(ctx, func(Check) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyDir(t *testing.T) {
	d := open(t, t.TempDir())
	r := d.Repository("hczjl/halo")
	layer := putBlob(t, r, "layer")
	im := image(t, layer, nil)
	putManifest(t, r, string(im.Digest), im)
	putManifest(t, r, "1.6", list(t, im))
	if bad := problems(t, d.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	foreign := manifest.Descriptor{MediaType: manifest.MediaTypeDockerForeign, Size: 1, Digest: blob.FromBytes(nil)}
	putManifest(t, r, "foreign", image(t, foreign, nil)) // its config is the foreign blob too
	missing := layer
	missing.Digest = blob.FromBytes([]byte("missing"))
	putManifest(t, r, "missing", image(t, missing, nil))
	writeFile(t, "!ayer", d.blobPath(layer.Digest))
	writeFile(t, "x", d.path, blobsDir, "sha256", "no-blob")
	found := map[string]int{}
	for _, c := range problems(t, d.Verify) {
		found[c.What]++
	}
	if found["blob "+string(layer.Digest)] != 1 || found["image hczjl/halo:missing"] != 1 || len(found) != 3 {
		t.Errorf("got %v", found)
	}
}
