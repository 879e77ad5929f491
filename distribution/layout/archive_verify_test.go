package layout

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// flipByte flips one bit of the byte at offset.
func flipByte(t testing.TB, path string, offset int64) {
	t.Helper()
	b := mustRead(t, path)
	b[offset] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyReportsEveryCheck(t *testing.T) {
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
	if checks != len(a.blobs)+len(a.images)+6 || size != want { // also the volume, four documents, and the end
		t.Errorf("%d checks of %d bytes, want %d bytes", checks, size, want)
	}
}

// TestVerifyFindsEveryProblem damages a layer, a config and a manifest.
func TestVerifyFindsEveryProblem(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	a := openArchive(t, path)
	layer, config, child := s.Blobs[1], s.Blobs[2], s.Manifests[0]
	flipByte(t, path, a.blobs[layer.Digest].offset)
	flipByte(t, path, a.blobs[config.Digest].offset)
	flipByte(t, path, a.blobs[child.Digest].offset)
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

// TestVerifyBytesOutsideBlobs changes bytes that no blob's digest covers. Only the digest of the
// whole file covers padding.
func TestVerifyBytesOutsideBlobs(t *testing.T) {
	s := threeImages(t)
	for name, test := range map[string]struct {
		change        func(t *testing.T, path string)
		plain, summed []string // what is wrong
	}{
		"padding": {func(t *testing.T, path string) {
			flipByte(t, path, int64(len(mustRead(t, path)))-2*tarBlock-1)
		}, nil, []string{"volume b.tar"}},
		"a name": {func(t *testing.T, path string) {
			flipByte(t, path, int64(bytes.Index(mustRead(t, path), []byte("halo:latest"))))
		}, []string{indexFile}, []string{"volume b.tar", indexFile}},
		"more zeros": {func(t *testing.T, path string) {
			mustWrite(t, string(mustRead(t, path))+strings.Repeat("\x00", tarBlock), path)
		}, []string{"volume b.tar"}, []string{"volume b.tar"}},
		"an end cut off": {func(t *testing.T, path string) {
			b := mustRead(t, path)
			mustWrite(t, string(b[:len(b)-tarBlock]), path)
		}, []string{"volume b.tar", "the end of the tar"}, []string{"volume b.tar", "the end of the tar"}},
		"garbage": {func(t *testing.T, path string) {
			mustWrite(t, string(mustRead(t, path))+"garbage", path)
		}, []string{"volume b.tar", "the end of the tar"}, []string{"volume b.tar", "the end of the tar"}},
	} {
		for _, sum := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "b.tar")
			s.writeFiles(t, path, BundleFiles{Digest: sum}, s.Blobs)
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

// TestVerifyNamesVolumes damages a split bundle, inside and outside of a blob.
func TestVerifyNamesVolumes(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	s.writeSplit(t, path, 4096, s.Blobs)
	a := openArchive(t, path)
	at := a.blobs[blob.FromBytes([]byte(strings.Repeat("base ", 1000)))]
	i := a.volumes.volumeAt(at.offset)
	flipByte(t, volumePath(path, i), at.offset-a.volumes.files[i].start)
	flipByte(t, volumePath(path, 0), 20) // in a header
	var whats []string
	for _, c := range problems(t, a.Verify) {
		whats = append(whats, c.What)
	}
	text := strings.Join(whats, "\n")
	volume := filepath.Base(volumePath(path, i))
	for _, want := range []string{"volume b.tar.001", "volume " + volume, " in " + volume + " to "} {
		if len(whats) != 3 || !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestVerifyOtherInventoryFile(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	other := newSample()
	other.addImage("x:1", other.image(t, "linux/amd64", "x"))
	otherPath, _ := other.bundle(t)
	if err := os.WriteFile(path+".json", mustRead(t, otherPath+".json"), 0o666); err != nil {
		t.Fatal(err)
	}
	bad := problems(t, openArchive(t, path).Verify)
	if len(bad) != 1 {
		t.Fatalf("got %v", bad)
	}
	wantError(t, bad[0].Err, "inventory of another bundle")
}

// TestVerifyMissingContent removes content from an image layout, and refers to a missing file in
// manifest.json.
func TestVerifyMissingContent(t *testing.T) {
	files := layoutFiles("1")
	config := files[3].name
	files = append(files[:3], tarFile{name: dockerFile, content: `[{"Config":"` + config + `","Layers":["nowhere"]}]`})
	bad := problems(t, openArchive(t, writeTemp(t, newTar(t, files...))).Verify)
	if len(bad) != 2 || !errors.Is(bad[1].Err, fs.ErrNotExist) {
		t.Fatalf("got %v", bad)
	}
	wantError(t, bad[0].Err, "points to nowhere")
	files[3].content = `[{"Config":"nowhere"}]` // an image that index.json does not list
	_, err := OpenArchive(writeTemp(t, newTar(t, files...)))
	wantError(t, err, "points to nowhere, which is not there")
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
	d := openDir(t, t.TempDir())
	putBlob(t, d.Repository("r"), "x")
	if err := d.Verify(ctx, func(Check) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Bytes after the end of any tar are reported. Zeros are not, nor a missing end, which some tools do
// not write.
func TestVerifyFindsBytesAfterEnd(t *testing.T) {
	whole := newTar(t, layoutFiles("1.6")...)
	docker := newTar(t, tarFile{name: dockerFile, content: `[{"Config":"c","Layers":["l"]}]`},
		tarFile{name: "c", content: configJSON("l")}, tarFile{name: "l", content: "l"})
	var header bytes.Buffer
	w := tar.NewWriter(&header)
	comment := &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "a commit"}}
	if err := errors.Join(w.WriteHeader(comment), w.Close()); err != nil {
		t.Fatal(err)
	}
	global := slices.Concat(whole[:len(whole)-2*tarBlock], header.Bytes())
	for name, test := range map[string]struct {
		tar  []byte
		want int
	}{
		"layout":            {whole, 0},
		"docker":            {docker, 0},
		"more zeros":        {slices.Concat(whole, make([]byte, 10_000)), 0},
		"no end":            {whole[:len(whole)-2*tarBlock], 0},
		"global header":     {global, 0},
		"garbage":           {slices.Concat(whole, []byte("garbage")), 1},
		"garbage, docker":   {slices.Concat(docker, []byte("garbage")), 1},
		"garbage, far away": {slices.Concat(whole, make([]byte, 3<<20), []byte("x")), 1},
		"another tar":       {slices.Concat(whole, newTar(t, tarFile{name: "x", content: "x"})), 1},
	} {
		bad := problems(t, openArchive(t, writeTemp(t, test.tar)).Verify)
		if len(bad) != test.want {
			t.Errorf("%s: got %v, want %d problems", name, bad, test.want)
			continue
		}
		for _, c := range bad {
			wantError(t, c.Err, "bytes after the end of the tar")
		}
	}
}
