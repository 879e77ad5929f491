package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hczjl/transship/manifest"
)

// useTempDir makes an empty folder that of temporary files, and returns it.
func useTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return dir
}

// wantNoFiles checks that a folder is empty.
func wantNoFiles(t testing.TB, dir string) {
	t.Helper()
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("there is %v, error %v", files, err)
	}
}

// checkUnpacked compares an archive with the tar that it was made of.
func checkUnpacked(t *testing.T, a *Archive, plain []byte) {
	t.Helper()
	want := openArchive(t, writeTemp(t, plain))
	for _, im := range want.Images() {
		got, err := a.Manifest(t.Context(), string(im.Digest))
		if err != nil {
			t.Fatal(err)
		}
		refs, _ := got.References()
		for _, d := range refs {
			r, err := a.Blob(t.Context(), d, 0)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(r); err != nil || int64(len(b)) != d.Size {
				t.Errorf("%s: %d bytes, error %v", d.Digest, len(b), err)
			}
		}
	}
	if len(a.Images()) != len(want.Images()) {
		t.Errorf("got %v", a.Images())
	}
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

// Layouts, docker-archives and bundles are read compressed, from a file, from volumes and from a
// stream, and leave no file behind.
func TestCompressedArchives(t *testing.T) {
	dir := useTempDir(t)
	bundle, _ := threeImages(t).bundle(t)
	for name, plain := range map[string][]byte{
		"layout": newTar(t, layoutFiles("1")...), "docker": dockerSave(t), "bundle": mustRead(t, bundle),
	} {
		t.Run(name, func(t *testing.T) {
			packed := gzipped(t, string(plain))
			several := gzipped(t, string(plain[:1000])) + gzipped(t, string(plain[1000:]))
			split := filepath.Join(t.TempDir(), "x.tar.gz")
			third := (len(packed) + 2) / 3
			mustWrite(t, packed[:third], split+".001")
			mustWrite(t, packed[third:2*third], split+".002")
			mustWrite(t, packed[2*third:], split+".003")
			for _, path := range []string{
				writeTemp(t, []byte(packed)), writeTemp(t, []byte(several)), writeTemp(t, plain), split,
			} {
				a, err := OpenCompressed(t.Context(), path)
				if err != nil {
					t.Fatal(err)
				}
				checkUnpacked(t, a, plain)
				if err := a.Close(); err != nil || a.String() != path {
					t.Errorf("%s: error %v", a, err)
				}
			}
			for _, stream := range []string{packed, string(plain)} {
				a, err := ReadArchive(t.Context(), "stream", strings.NewReader(stream))
				if err != nil {
					t.Fatal(err)
				}
				checkUnpacked(t, a, plain)
				if err := a.Close(); err != nil || a.Name() != "stream" {
					t.Errorf("%s: error %v", a, err)
				}
			}
		})
	}
	wantNoFiles(t, dir)
}

func TestBadCompressedArchives(t *testing.T) {
	dir := useTempDir(t)
	plain := string(newTar(t, layoutFiles("1")...))
	packed := gzipped(t, plain)
	flipped := []byte(packed)
	flipped[len(flipped)-6] ^= 1 // of the checksum
	for name, c := range map[string]struct {
		content string
		kind    error
		says    string
	}{
		"header cut":    {packed[:5], ErrDamaged, "cut short"},
		"cut":           {packed[:len(packed)/2], ErrDamaged, "cut short"},
		"checksum cut":  {packed[:len(packed)-3], ErrDamaged, "cut short"},
		"checksum":      {string(flipped), ErrDamaged, "cannot be unpacked: gzip: invalid checksum"},
		"bytes after":   {packed + "garbage, and more of it", ErrDamaged, "there are bytes after its end"},
		"tar cut":       {gzipped(t, plain[:len(plain)-2000]), ErrDamaged, "the file is cut short"},
		"no tar":        {gzipped(t, strings.Repeat("text", 1000)), ErrNotArchive, "it is no tar"},
		"no images":     {gzipped(t, string(newTar(t, tarFile{name: "x"}))), ErrNotArchive, "holds no images"},
		"packed twice":  {gzipped(t, packed), ErrGzip, "unpack it first, with gunzip"},
		"links outside": {gzipped(t, string(newTar(t, tarFile{name: "../x"}))), ErrUnsafe, "leaves the archive"},
		"zstd":          {"\x28\xb5\x2f\xfd....", ErrCompressed, "it is compressed with zstd; unpack it first, with unzstd -"},
		"xz":            {"\xfd7zXZ\x00", ErrCompressed, "it is compressed with xz; unpack it first, with unxz -"},
		"bzip2":         {"BZh9....", ErrCompressed, "it is compressed with bzip2; unpack it first, with bunzip2 -"},
	} {
		path := writeTemp(t, []byte(c.content))
		_, errFile := OpenCompressed(t.Context(), path)
		_, errStream := ReadArchive(t.Context(), "stream", slowReader{strings.NewReader(c.content)})
		for _, err := range []error{errFile, errStream} {
			var typed *ArchiveError
			if !errors.Is(err, c.kind) || !errors.As(err, &typed) {
				t.Errorf("%s: got %v", name, err)
			}
			wantError(t, err, c.says)
		}
		wantError(t, errFile, path)
		wantError(t, errStream, "stream: ")
	}
	wantNoFiles(t, dir)
}

// slowReader returns one byte at a time, as a slow pipe does.
type slowReader struct{ io.Reader }

// Read implements io.Reader.
func (r slowReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

// The room is checked before anything is written, by what the file says of itself.
func TestUnpackChecksRoom(t *testing.T) {
	useTempDir(t)
	f, err := os.CreateTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	v := &volumes{path: "x.tar.gz", files: []volume{{File: f}}}
	defer v.Close()
	if _, known := freeSpace(f); known {
		err := v.checkRoom(math.MaxInt64)
		var unpack *UnpackError
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &unpack) || unpack.Need != math.MaxInt64 {
			t.Errorf("got %v", err)
		}
		wantError(t, err, "x.tar.gz: unpacking it in "+os.TempDir()+" takes 9223372036854775807 bytes or more, and ")
	}
	if err := v.checkRoom(1); err != nil {
		t.Error(err)
	}
	plain := bytes.Repeat([]byte{0}, 1<<20)
	packed, err := openVolumes(writeTemp(t, []byte(gzipped(t, string(plain)))))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	if got := packed.unpackedSize(); got != 1<<20 {
		t.Errorf("got %d bytes", got)
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	_, err = OpenCompressed(t.Context(), packed.path)
	var unpack *UnpackError
	if !errors.As(err, &unpack) || unpack.Dir != os.TempDir() {
		t.Errorf("got %v", err)
	}
}

// A stream that does not end does not keep the process either.
func TestReadArchiveIsCancelled(t *testing.T) {
	dir := useTempDir(t)
	silent, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := ReadArchive(ctx, "stream", silent)
		done <- err
	}()
	if _, err := writer.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	writer.Close()
	if _, err := OpenCompressed(ctx, writeTemp(t, []byte(gzipped(t, "x")))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantNoFiles(t, dir)
}

// Large blobs of a compressed archive are verified on their way. What is wrong with them is found as
// in a plain one.
func TestVerifyOfCompressedArchives(t *testing.T) {
	dir := useTempDir(t)
	large := strings.Repeat("layer ", 1<<20)
	packed := gzipped(t, large)
	noise := make([]byte, 5<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	packedNoise := gzipped(t, string(noise))
	l := &twoDocuments{t: t}
	one, e := l.image(large, "a:1")
	l.list(one, annotationImage, libraryA+"1")
	l.docker = append(l.docker, e)
	dockerTar := func(name, content, config string) []byte {
		entry := dockerImage{Config: "c", RepoTags: []string{"x:1"}, Layers: []string{name}}
		return newTar(t, tarFile{name: name, content: content}, tarFile{name: "c", content: config},
			tarFile{name: dockerFile, content: string(compact([]dockerImage{entry}))})
	}
	for name, c := range map[string]struct {
		plain []byte
		bad   int
	}{
		"layout":                 {l.tar(), 0},
		"docker":                 {dockerTar("l/layer.tar", large, configJSON(large)), 0},
		"docker, wrong layer":    {dockerTar("l/layer.tar", large, configJSON("other")), 1},
		"docker, packed":         {dockerTar("l.tar.gz", packed, configJSON(large)), 0},
		"docker, large packed":   {dockerTar("l.tar.gz", packedNoise, configJSON(string(noise))), 0},
		"layout, changed layer":  {bytes.Replace(l.tar(), []byte("layer layer"), []byte("layer lover"), 1), 1},
		"layout, garbage behind": {append(l.tar(), "garbage"...), 1},
	} {
		path := writeTemp(t, []byte(gzipped(t, string(c.plain))))
		fromFile, err := OpenToVerify(t.Context(), path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fromStream, err := ReadToVerify(t.Context(), "stream", bytes.NewReader(c.plain))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, a := range []*Archive{fromFile, fromStream} {
			if bad := problems(t, a.Verify); len(bad) != c.bad {
				t.Errorf("%s in %s: problems %v", name, a, bad)
			}
			for at, sum := range a.volumes.hashed {
				d := manifest.Descriptor{Digest: sum}
				if a.Has(sum) && errorOf(a.Blob(t.Context(), d, 0)) == nil {
					t.Errorf("%s: the blob at %d, which was not kept, is opened", name, at)
				}
			}
			if strings.HasPrefix(name, "layout") && len(a.volumes.hashed) == 0 {
				t.Errorf("%s: everything was kept", name)
			}
			a.Close()
		}
	}
	wantNoFiles(t, dir)
}
