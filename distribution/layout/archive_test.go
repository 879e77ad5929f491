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
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// tarFile is a member of a tar in a test.
type tarFile struct {
	name, content string
	typeflag      byte // 0 for a regular file
	link          string
}

// newTar returns a tar.
func newTar(t testing.TB, files ...tarFile) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.content)), Mode: 0o644, Linkname: f.link}
		if f.typeflag != 0 {
			h.Typeflag = f.typeflag
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

// writeTemp writes x.tar into a temporary folder and returns its path.
func writeTemp(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// layoutFiles returns an image layout with an image without layers. short is its ref.name.
func layoutFiles(short string) []tarFile {
	config := `{"architecture":"amd64","os":"linux"}`
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[]}`,
		manifest.MediaTypeOCIManifest, manifest.MediaTypeOCIConfig, blob.FromBytes([]byte(config)), len(config))
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"annotations":{%q:%q}}]}`,
		manifest.MediaTypeOCIManifest, blob.FromBytes([]byte(raw)), len(raw), annotationTag, short)
	return []tarFile{
		{name: layoutFile, content: layoutText},
		{name: indexFile, content: index},
		{name: blobName(blob.FromBytes([]byte(raw))), content: raw},
		{name: blobName(blob.FromBytes([]byte(config))), content: config},
	}
}

func TestOpenArchiveForeignLayout(t *testing.T) {
	files := []tarFile{{name: "./", typeflag: tar.TypeDir}, {name: "blobs/", typeflag: tar.TypeDir}}
	files = append(files, layoutFiles("1.6")...)
	files[2].name = "./" + files[2].name
	a := openArchive(t, writeTemp(t, newTar(t, files...)))
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

func TestEntryImage(t *testing.T) {
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

func TestArchiveFind(t *testing.T) {
	s := newSample()
	a, b := s.image(t, "linux/amd64", "a"), s.image(t, "linux/amd64", "b")
	s.addImage("hczjl/halo:1.6", a)
	s.addImage("other:1.6", a)
	s.addImage("registry.example:5000/tool:2", b)
	s.addImage("x:3", a)
	s.addImage("y:3", b)
	path, _ := s.bundle(t)
	archive := openArchive(t, path)
	for ref, want := range map[string]string{
		"hczjl/halo:1.6": "docker.io/hczjl/halo:1.6", "docker.io/hczjl/halo:1.6": "docker.io/hczjl/halo:1.6",
		"1.6": "docker.io/hczjl/halo:1.6", "2": "registry.example:5000/tool:2",
		string(b.Digest): "docker.io/library/y:3", "y:3": "docker.io/library/y:3",
	} {
		if im, err := archive.Find(ref); err != nil || im.Name != want {
			t.Errorf("%s: got %s, error %v", ref, im.Name, err)
		}
	}
	for ref, text := range map[string]string{
		"":     "there are 5 images, say which: hczjl/halo:1.6, ",
		"3":    "3 may be any of x:3, y:3",
		"halo": "there is no image halo; there is hczjl/halo:1.6, ",
	} {
		_, err := archive.Find(ref)
		wantError(t, err, text)
		var find *FindError
		if missing := errors.Is(err, fs.ErrNotExist); !errors.As(err, &find) || missing != (ref == "halo") {
			t.Errorf("%q: got %v", ref, err)
		}
	}
	if _, err := archive.Manifest(t.Context(), string(blob.FromBytes(nil))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestOpenArchiveRefusesBadTars(t *testing.T) {
	layout := layoutFiles("1")
	with := func(more ...tarFile) []byte { return newTar(t, append(layout[:len(layout):len(layout)], more...)...) }
	without := func(i int) []byte {
		return newTar(t, append(layout[:i:i], layout[i+1:]...)...)
	}
	good := with()
	lying := bytes.Clone(good)
	copy(lying[len(lying)-1024-512-512+124:], "77777777777\x00") // the size in the last header
	setChecksum(lying[len(lying)-1024-512-512:])
	endless := good[:len(good)-2*tarBlock] // without the end of the tar
	listing := func(content string) []byte {
		return with(tarFile{name: inventoryFile, content: `{"version":1,"content":[{"digest":` + content + `}]}`})
	}
	empty, config := fmt.Sprintf("%q", blob.FromBytes(nil)), fmt.Sprintf("%q", parseBlobName(layout[3].name))
	otherSize := tarFile{name: layout[2].name, content: "x"}
	newer := tarFile{name: layoutFile, content: `{"imageLayoutVersion":"2.0.0"}`}
	huge := tarFile{name: layoutFile, content: strings.Repeat(" ", 2<<20)}
	for name, c := range map[string]struct {
		raw  []byte
		kind error
		text string
	}{
		"traversal":     {with(tarFile{name: "blobs/../../x"}), ErrUnsafe, "leaves the archive"},
		"absolute":      {with(tarFile{name: "/etc/passwd"}), ErrUnsafe, "absolute"},
		"backslash":     {with(tarFile{name: `..\x`}), ErrUnsafe, "has a backslash"},
		"symbolic link": {with(tarFile{name: "x", typeflag: tar.TypeSymlink, link: "index.json"}), ErrUnsafe, "is a link"},
		"hard link":     {with(tarFile{name: "x", typeflag: tar.TypeLink, link: "index.json"}), ErrUnsafe, "is a link"},
		"device":        {with(tarFile{name: "x", typeflag: tar.TypeChar}), ErrUnsafe, "is a device"},
		"pipe":          {with(tarFile{name: "x", typeflag: tar.TypeFifo}), ErrUnsafe, "is a device"},
		"twice":         {with(layout[1]), ErrUnsafe, "twice"},
		"twice, dotted": {with(tarFile{name: "./blobs/./x"}, tarFile{name: "blobs/x"}), ErrUnsafe, "twice"},
		"lying size":    {lying, ErrDamaged, "cut short"},
		"no index":      {without(1), ErrDamaged, "index.json: it is missing"},
		"bad index":     {newTar(t, layout[0], tarFile{name: indexFile, content: "{"}), ErrDamaged, "index.json"},
		"to nowhere":    {without(2), ErrDamaged, "which is not there"},
		"other size":    {newTar(t, layout[0], layout[1], otherSize), ErrDamaged, "but index.json says"},
		"new layout":    {newTar(t, newer), ErrNewer, `"2.0.0" is not supported`},
		"new bundle":    {with(tarFile{name: inventoryFile, content: `{"version":3}`}), ErrNewer, "take a newer transship"},
		"bad inventory": {listing(`"x"`), ErrDamaged, "invalid digest"},
		"half bundle":   {listing(empty), ErrDamaged, "cut short"},
		"changed blob":  {listing(config + `,"size":1`), ErrDamaged, "but transship.json says 1"},
		"lying hugely":  {slices.Concat(endless, hugeHeader(t)), ErrDamaged, "x: the file is cut short"},
		"huge document": {newTar(t, huge), ErrUnsafe, "more than the 1048576"},
		"no images":     {newTar(t, tarFile{name: "x"}), ErrNotArchive, "neither oci-layout nor manifest.json"},
		"empty":         {nil, ErrNotArchive, "holds no images"},
		"text":          {[]byte("hello"), ErrNotArchive, "no tar"},
		"long text":     {bytes.Repeat([]byte("hello "), 1000), ErrNotArchive, "no tar"},
		"gzip":          {[]byte("\x1f\x8b\x08\x00"), ErrCompressed, "gunzip"},
		"zstd":          {[]byte("\x28\xb5\x2f\xfd"), ErrCompressed, "unzstd"},
		"cut short":     {good[:len(good)-1024-600], ErrDamaged, "cut short"},
		"garbage":       {slices.Concat(endless, bytes.Repeat([]byte("?"), 1024)), ErrDamaged, "no tar header after byte"},
	} {
		a, err := OpenArchive(writeTemp(t, c.raw))
		if err == nil {
			a.Close()
		}
		var typed *ArchiveError
		if !errors.Is(err, c.kind) || !errors.As(err, &typed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", name, err)
		}
		wantError(t, err, c.text)
	}
	if _, err := OpenArchive(filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := OpenArchive(t.TempDir()); !errors.Is(err, ErrIrregular) {
		t.Errorf("got %v", err)
	}
}

// hugeHeader returns the header of a member of the maximum size.
func hugeHeader(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	h := &tar.Header{Name: "x", Size: math.MaxInt64, Format: tar.FormatGNU}
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// setChecksum sets the checksum of a header that was changed.
func setChecksum(header []byte) {
	copy(header[148:156], "        ")
	sum := 0
	for _, c := range header[:512] {
		sum += int(c)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestOpenArchiveIncompleteVolumes(t *testing.T) {
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
			in := s.writeSplit(t, path, 4096, s.Blobs)
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
	s.writeSplit(t, path, 4096, s.Blobs)
	_, err := OpenArchive(path + ".002")
	wantError(t, err, "not the first volume; give "+path+".001")
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
