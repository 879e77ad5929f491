package layout

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// file is a member of a tar that a test makes up.
type file struct {
	name, content string
	kind          byte // a regular file if zero
	link          string
}

// tarOf writes a tar.
func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: 0o644, Linkname: f.link}
		if f.kind != 0 {
			h.Typeflag = f.kind
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// save writes a file into a folder of the test's.
func save(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// plainLayout is an image layout with an image without layers, under the short name that is given.
func plainLayout(short string) []file {
	config := `{"architecture":"amd64","os":"linux"}`
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[]}`,
		manifest.MediaTypeOCIManifest, manifest.MediaTypeOCIConfig, blob.FromBytes([]byte(config)), len(config))
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"annotations":{%q:%q}}]}`,
		manifest.MediaTypeOCIManifest, blob.FromBytes([]byte(raw)), len(raw), annotationTag, short)
	return []file{
		{name: layoutFile, content: layoutText},
		{name: indexFile, content: index},
		{name: blobName(blob.FromBytes([]byte(raw))), content: raw},
		{name: blobName(blob.FromBytes([]byte(config))), content: config},
	}
}

func TestForeignLayout(t *testing.T) {
	files := append([]file{{name: "./", kind: tar.TypeDir}, {name: "blobs/", kind: tar.TypeDir}}, plainLayout("1.6")...)
	files[2].name = "./" + files[2].name
	a := openArchive(t, save(t, tarOf(t, files...)))
	im, err := a.Find("")
	if err != nil || im.Name != "" {
		t.Errorf("got %+v, %v", im, err)
	}
	for _, ref := range []string{"1.6", string(im.Digest)} {
		if m, err := a.Manifest(t.Context(), ref); err != nil || m.Digest != im.Digest {
			t.Errorf("%s: %v", ref, err)
		}
	}
	in, err := a.Inventory()
	if err != nil || in.ID != "" || len(in.Content) != 2 || in.File != "x.tar" {
		t.Errorf("got %+v, error %v", in, err)
	}
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

func TestImageNames(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{annotationImage, "docker.io/library/x:1", "docker.io/library/x:1"},
		{annotationImage, "x:1", "docker.io/library/x:1"},
		{annotationReference, "r.example/chart:3", "r.example/chart:3"},
		{annotationTag, "1.6", ""},
		{annotationTag, "quay.io/a/b:1.6", "quay.io/a/b:1.6"},
		{annotationTag, "no / name", ""},
		{annotationRepository, "hczjl/halo", ""},
		{"", "", ""},
	} {
		d := manifest.Descriptor{Annotations: map[string]string{c.key: c.value}}
		if got := entryImage(d); got.Name != c.want {
			t.Errorf("%s=%s: got %q, want %q", c.key, c.value, got.Name, c.want)
		}
	}
	pushed := manifest.Descriptor{Annotations: entryAnnotations("hczjl/halo", "1.6")}
	delete(pushed.Annotations, annotationImage)
	if got := entryImage(pushed); got.Name != "docker.io/hczjl/halo:1.6" {
		t.Errorf("got %q", got.Name)
	}
}

func TestFind(t *testing.T) {
	s := newSample()
	a, b := s.image(t, "linux/amd64", "a"), s.image(t, "linux/amd64", "b")
	s.name("hczjl/halo:1.6", a)
	s.name("other:1.6", a)
	s.name("registry.example:5000/tool:2", b)
	s.name("x:3", a)
	s.name("y:3", b)
	path, _ := s.bundle(t)
	archive := openArchive(t, path)
	for ref, want := range map[string]string{
		"hczjl/halo:1.6": "docker.io/hczjl/halo:1.6", "docker.io/hczjl/halo:1.6": "docker.io/hczjl/halo:1.6",
		"1.6": "docker.io/hczjl/halo:1.6", "2": "registry.example:5000/tool:2", string(b.Digest): "docker.io/library/y:3", "y:3": "docker.io/library/y:3",
	} {
		if im, err := archive.Find(ref); err != nil || im.Name != want {
			t.Errorf("%s: got %s, error %v", ref, im.Name, err)
		}
	}
	for ref, text := range map[string]string{
		"": "there are 5 images, say which: hczjl/halo:1.6, ", "3": "3 may be any of x:3, y:3", "halo": "there is no image halo; there is hczjl/halo:1.6, ",
	} {
		_, err := archive.Find(ref)
		says(t, err, text)
		var find *FindError
		if missing := errors.Is(err, fs.ErrNotExist); !errors.As(err, &find) || missing != (ref == "halo") {
			t.Errorf("%q: got %v", ref, err)
		}
	}
	if _, err := archive.Manifest(t.Context(), string(blob.FromBytes(nil))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestBadArchives(t *testing.T) {
	layout := plainLayout("1")
	with := func(more ...file) []byte { return tarOf(t, append(layout[:len(layout):len(layout)], more...)...) }
	without := func(i int) []byte {
		return tarOf(t, append(layout[:i:i], layout[i+1:]...)...)
	}
	good := with()
	lying := bytes.Clone(good)
	copy(lying[len(lying)-1024-512-512+124:], "77777777777\x00") // the size in the last header
	checksum(lying[len(lying)-1024-512-512:])
	config := layout[3].name
	for name, c := range map[string]struct {
		raw  []byte
		kind error
		text string
	}{
		"traversal":     {with(file{name: "blobs/../../x"}), ErrUnsafe, "leaves the archive"},
		"absolute":      {with(file{name: "/etc/passwd"}), ErrUnsafe, "absolute"},
		"backslash":     {with(file{name: `..\x`}), ErrUnsafe, "may not stand there"},
		"symbolic link": {with(file{name: "x", kind: tar.TypeSymlink, link: "index.json"}), ErrUnsafe, "is a link"},
		"hard link":     {with(file{name: "x", kind: tar.TypeLink, link: "index.json"}), ErrUnsafe, "is a link"},
		"device":        {with(file{name: "x", kind: tar.TypeChar}), ErrUnsafe, "is a device"},
		"pipe":          {with(file{name: "x", kind: tar.TypeFifo}), ErrUnsafe, "is a device"},
		"twice":         {with(layout[1]), ErrUnsafe, "twice"},
		"twice, dotted": {with(file{name: "./blobs/./x"}, file{name: "blobs/x"}), ErrUnsafe, "twice"},
		"lying size":    {lying, ErrDamaged, "cut short"},
		"no index":      {without(1), ErrDamaged, "index.json: it is missing"},
		"bad index":     {tarOf(t, layout[0], file{name: indexFile, content: "{"}), ErrDamaged, "index.json"},
		"to nowhere":    {without(2), ErrDamaged, "which is not there"},
		"other size":    {tarOf(t, layout[0], layout[1], file{name: layout[2].name, content: "x"}), ErrDamaged, "by index.json"},
		"new layout":    {tarOf(t, file{name: layoutFile, content: `{"imageLayoutVersion":"2.0.0"}`}), ErrNewer, `"2.0.0" is not supported`},
		"new bundle":    {with(file{name: inventoryFile, content: `{"version":2}`}), ErrNewer, "take a newer transship"},
		"bad inventory": {with(file{name: inventoryFile, content: `{"version":1,"content":[{"digest":"x"}]}`}), ErrDamaged, "invalid digest"},
		"half bundle":   {with(file{name: inventoryFile, content: `{"version":1,"content":[{"digest":"` + string(blob.FromBytes(nil)) + `"}]}`}), ErrDamaged, "cut short"},
		"changed blob":  {with(file{name: inventoryFile, content: `{"version":1,"content":[{"digest":"` + string(parseBlobName(config)) + `","size":1}]}`}), ErrDamaged, "and 1 by transship.json"},
		"lying hugely":  {append(good[:len(good)-1024:len(good)-1024], hugeHeader(t)...), ErrDamaged, "x: the file is cut short"},
		"huge document": {tarOf(t, file{name: layoutFile, content: strings.Repeat(" ", 2<<20)}), ErrUnsafe, "more than the 1048576"},
		"no images":     {tarOf(t, file{name: "x"}), ErrNotArchive, "neither oci-layout nor manifest.json"},
		"empty":         {nil, ErrNotArchive, "holds no images"},
		"text":          {[]byte("hello"), ErrNotArchive, "no tar"},
		"long text":     {bytes.Repeat([]byte("hello "), 1000), ErrNotArchive, "no tar"},
		"gzip":          {[]byte("\x1f\x8b\x08\x00"), ErrCompressed, "gunzip"},
		"zstd":          {[]byte("\x28\xb5\x2f\xfd"), ErrCompressed, "unzstd"},
		"cut short":     {good[:len(good)-1024-600], ErrDamaged, "cut short"},
		"garbage":       {append(good[:len(good)-1024:len(good)-1024], bytes.Repeat([]byte("?"), 1024)...), ErrDamaged, "no tar header after byte"},
	} {
		a, err := OpenArchive(save(t, c.raw))
		if err == nil {
			a.Close()
		}
		var typed *ArchiveError
		if !errors.Is(err, c.kind) || !errors.As(err, &typed) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := OpenArchive(filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := OpenArchive(t.TempDir()); !errors.Is(err, ErrNotArchive) {
		t.Errorf("got %v", err)
	}
}

// hugeHeader is that of a member as large as a number can say.
func hugeHeader(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "x", Size: math.MaxInt64, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checksum puts the right checksum into a header that was changed.
func checksum(header []byte) {
	copy(header[148:156], "        ")
	sum := 0
	for _, c := range header[:512] {
		sum += int(c)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestVolumesThatAreNotWhole(t *testing.T) {
	s := threeImages(t)
	for name, c := range map[string]struct {
		change func(path string) error
		text   string
	}{
		"first missing":  {func(p string) error { return os.Remove(p + ".001") }, "b.tar.001: this volume is missing"},
		"middle missing": {func(p string) error { return os.Remove(p + ".003") }, "b.tar.003: this volume is missing"},
		"last missing":   {func(p string) error { return os.Remove(p + ".009") }, "b.tar.009: this volume is missing"},
		"first cut":      {func(p string) error { return os.Truncate(p+".001", 4095) }, "b.tar.001: "},
		"middle cut":     {func(p string) error { return os.Truncate(p+".003", 4095) }, "b.tar.003: "},
		"last cut":       {func(p string) error { return os.Truncate(p+".009", 512) }, "b.tar.009: "},
		"middle longer":  {func(p string) error { return os.Truncate(p+".003", 5000) }, "b.tar.003: "},
	} {
		for _, beside := range []bool{true, false} {
			path := filepath.Join(t.TempDir(), "b.tar")
			in := s.write(t, path, 4096, s.Blobs)
			if len(in.Volumes) != 9 {
				t.Fatalf("%d volumes", len(in.Volumes))
			}
			if !beside {
				os.Remove(path + ".json")
				c.text = strings.Replace(c.text, "b.tar.001: ", "b.tar.002: ", btoi(name == "first cut"))
			}
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			a, err := OpenArchive(path)
			if err == nil {
				a.Close()
			}
			if !errors.Is(err, ErrVolume) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s, inventory %v: got %v", name, beside, err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "b.tar")
	s.write(t, path, 4096, s.Blobs)
	_, err := OpenArchive(path + ".002")
	says(t, err, "not the first volume; give "+path+".001")
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestArchiveErrorText(t *testing.T) {
	e := &ArchiveError{Path: "x.tar", Member: "a\nb" + strings.Repeat("c", 200), Kind: ErrUnsafe, Reason: "no"}
	if diff := cmp.Diff(`x.tar: "a\nb`+strings.Repeat("c", 117)+`...": no`, e.Error()); diff != "" {
		t.Error(diff)
	}
}
