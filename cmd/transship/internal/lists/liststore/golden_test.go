package liststore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/manifest"
)

// Stores written by docker; see testdata/README.md.
var (
	golden            = liststore.Store{Root: filepath.Join("testdata", "docker-28.2.2")}
	withoutRaw        = liststore.Store{Root: filepath.Join("testdata", "without-raw")}
	withoutDescriptor = liststore.Store{Root: filepath.Join("testdata", "without-descriptor")}
)

// goldenList is how docker made a list of the golden store.
type goldenList struct {
	list      string
	images    []string // in the order of the command line
	annotate  map[string]liststore.Annotation
	mediaType string // of what docker pushed
	fixtures  map[string]image
}

func goldenLists(t testing.TB) []goldenList {
	t.Helper()
	all := images()
	digested := all[amd64].byDigest(t)
	all[digested.ref] = digested
	return []goldenList{
		{
			list:      halo + "1.6",
			images:    []string{windows, ociS390X, buildx, digested.ref, arm, amd64, odd, ociARM64},
			mediaType: manifest.MediaTypeDockerList,
			fixtures:  all,
		}, {
			list:      host + "/hczjl/halo_oci:1.6",
			images:    []string{odd, ociS390X, ociARM64},
			mediaType: manifest.MediaTypeOCIIndex,
			fixtures:  all,
		}, {
			list:   halo + "annotated",
			images: []string{amd64, windows},
			annotate: map[string]liststore.Annotation{
				amd64:   {OS: "freebsd", Arch: "arm", Variant: "v6", OSVersion: "14<1>", OSFeatures: []string{"a", "b&c", "a"}},
				windows: {OSFeatures: []string{"win32k", "other"}},
			},
			mediaType: manifest.MediaTypeDockerList,
			fixtures:  all,
		},
	}
}

// sorted returns the images sorted by file name.
func (g goldenList) sorted() []string {
	safe := strings.NewReplacer(":", "-", "/", "_")
	return slices.SortedFunc(slices.Values(g.images), func(a, b string) int {
		return strings.Compare(safe.Replace(a), safe.Replace(b))
	})
}

// entries returns the expected entries, made from the fixture alone.
func (g goldenList) entries() []liststore.Entry {
	var out []liststore.Entry
	for _, ref := range g.sorted() {
		e := g.fixtures[ref].entry()
		if a, ok := g.annotate[ref]; ok {
			liststore.Annotate(&e, a)
		}
		out = append(out, e)
	}
	return out
}

// pushedFile returns the file of the golden copy of the pushed list.
func (g goldenList) pushedFile() string {
	name := strings.NewReplacer(":", "-", "/", "_").Replace(strings.TrimPrefix(g.list, host+"/"))
	return filepath.Join("testdata", "pushed", name+".json")
}

func (g goldenList) pushed(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(g.pushedFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// updateGolden replaces the golden store and the pushed lists by docker's.
func updateGolden(t *testing.T, d *docker) {
	t.Helper()
	if err := os.RemoveAll(golden.Root); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(golden.Root, os.DirFS(d.store().Root)); err != nil {
		t.Fatal(err)
	}
	for _, g := range goldenLists(t) {
		if err := os.MkdirAll(filepath.Dir(g.pushedFile()), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(g.pushedFile(), []byte(d.registry.tag(g.list).text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readTree returns the content of all files under a folder by path.
func readTree(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(root, path))
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestListReadsDockersFiles(t *testing.T) {
	for _, g := range goldenLists(t) {
		got, err := golden.List(g.list)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g.entries(), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", g.list, diff)
		}
		for _, want := range g.entries() {
			got, err := golden.Get(g.list, want.Ref)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", want.Ref, diff)
			}
		}
	}
}

func TestSaveWritesDockersBytes(t *testing.T) {
	s := liststore.Store{Root: filepath.Join(t.TempDir(), "new", "manifests")}
	for _, g := range goldenLists(t) {
		for _, e := range g.entries() {
			if err := s.Save(g.list, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(readTree(t, golden.Root), readTree(t, s.Root)); diff != "" {
		t.Errorf("(-docker +got):\n%s", diff)
	}
}

func TestSaveAgainWritesTheSameBytes(t *testing.T) {
	s := liststore.Store{Root: t.TempDir()}
	for _, g := range goldenLists(t) {
		entries, err := golden.List(g.list)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := s.Save(g.list, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(readTree(t, golden.Root), readTree(t, s.Root)); diff != "" {
		t.Errorf("(-docker +got):\n%s", diff)
	}
}

func TestBuildWritesWhatDockerPushes(t *testing.T) {
	for _, g := range goldenLists(t) {
		entries, err := golden.List(g.list)
		if err != nil {
			t.Fatal(err)
		}
		ix, raw, err := liststore.Build(entries)
		if err != nil {
			t.Fatal(err)
		}
		if ix.MediaType != g.mediaType {
			t.Errorf("%s: media type %s", g.list, ix.MediaType)
		}
		if diff := cmp.Diff(g.pushed(t), string(raw)); diff != "" {
			t.Errorf("%s (-docker +got):\n%s", g.list, diff)
		}
	}
}

// The two older forms give the same entries, except that docker before 18.06 did not store the
// variant.
func TestListReadsOlderFiles(t *testing.T) {
	for name, s := range map[string]liststore.Store{"raw": withoutRaw, "descriptor": withoutDescriptor} {
		list := goldenList{images: []string{amd64, arm, windows, buildx}, fixtures: images()}
		want := list.entries()
		if name == "descriptor" {
			want[2].Descriptor.Platform.Variant = ""
		}
		got, err := s.List(halo + "1.6")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("without %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOlderFileThatCannotBeRebuilt(t *testing.T) {
	for _, s := range []liststore.Store{withoutRaw, withoutDescriptor} {
		_, err := s.List(halo + "odd")
		wantCorrupt(t, err, "cannot be rebuilt", "192.0.2.1-5000_hczjl_odd-1.6",
			"transship manifest rm "+halo+"odd")
	}
}
