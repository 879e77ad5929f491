package liststore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/manifest"
)

const list = halo + "1.6"

// newStore returns a store that has the list with some of the fixture's images.
func newStore(t testing.TB, images ...image) liststore.Store {
	t.Helper()
	s := liststore.Store{Root: filepath.Join(t.TempDir(), "manifests")}
	for _, im := range images {
		if err := s.Save(list, im.entry()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// file returns the path of an image's file in the list.
func file(s liststore.Store, ref string) string {
	safe := strings.NewReplacer(":", "-", "/", "_")
	return filepath.Join(s.Root, safe.Replace(list), safe.Replace(ref))
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// wantRefs checks that the list has these images.
func wantRefs(t *testing.T, s liststore.Store, want ...string) {
	t.Helper()
	entries, err := s.List(list)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Ref)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// wantNotFound checks that err is a NotFoundError with docker's message.
func wantNotFound(t *testing.T, err error, ref string) {
	t.Helper()
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "No such manifest: "+ref {
		t.Errorf("got %v", err)
	}
}

// wantCorrupt checks that err is a *CorruptError, has one line and all the words, and is not
// fs.ErrNotExist.
func wantCorrupt(t *testing.T, err error, words ...string) {
	t.Helper()
	var corrupt *liststore.CorruptError
	if !errors.As(err, &corrupt) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want a CorruptError", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not contain %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q has several lines", err)
	}
}

func TestNotFound(t *testing.T) {
	all := images()
	for name, s := range map[string]liststore.Store{
		"no store": {Root: filepath.Join(t.TempDir(), "none")}, "no list": {Root: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.List(list)
			wantNotFound(t, err, list)
			_, err = s.Get(list, amd64)
			wantNotFound(t, err, amd64)
			wantNotFound(t, s.Remove(list), list)
			wantNotFound(t, s.RemoveEntry(list, amd64), amd64)
			if names, err := s.Lists(); err != nil || names != nil {
				t.Errorf("Lists: %v, %v", names, err)
			}
			if name == "no store" {
				if _, err := os.Stat(s.Root); err == nil {
					t.Error("reading created the store")
				}
			}
		})
	}
	s := newStore(t, all[amd64])
	_, err := s.Get(list, arm)
	wantNotFound(t, err, arm)
	wantNotFound(t, s.RemoveEntry(list, arm), arm)
}

func TestEmptyRoot(t *testing.T) {
	var s liststore.Store
	_, listErr := s.List(list)
	_, getErr := s.Get(list, amd64)
	_, listsErr := s.Lists()
	for name, err := range map[string]error{
		"List": listErr, "Get": getErr, "Lists": listsErr, "Save": s.Save(list, images()[amd64].entry()),
		"Remove": s.Remove(list), "RemoveEntry": s.RemoveEntry(list, amd64),
	} {
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "Root is empty") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSaveReplacesAndListSorts(t *testing.T) {
	all := images()
	s := newStore(t, all[ociARM64], all[arm], all[amd64])
	e := all[arm].entry()
	liststore.Annotate(&e, liststore.Annotation{Variant: "v6"})
	if err := s.Save(list, e); err != nil {
		t.Fatal(err)
	}
	wantRefs(t, s, amd64, arm, ociARM64)
	got, err := s.Get(list, arm)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFileModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	s := newStore(t, images()[amd64])
	for path, want := range map[string]fs.FileMode{
		s.Root: 0o755, filepath.Dir(file(s, amd64)): 0o755, file(s, amd64): 0o644,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got|0o022 != want|0o022 { // a umask may take these
			t.Errorf("%s: mode %o", path, got)
		}
	}
	if names, err := s.Lists(); err != nil || len(names) != 1 {
		t.Errorf("Lists: %v, %v", names, err)
	}
	if files := readTree(t, s.Root); len(files) != 1 {
		t.Errorf("got files %v", files)
	}
}

func TestFailedSaveLeavesNoTempFile(t *testing.T) {
	s := newStore(t, images()[amd64])
	if err := os.MkdirAll(filepath.Join(file(s, arm), "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(list, images()[arm].entry()); err == nil {
		t.Fatal("a folder was replaced")
	}
	if files := readTree(t, s.Root); len(files) != 1 {
		t.Errorf("got files %v", files)
	}
}

func TestSaveRefusesInvalidEntries(t *testing.T) {
	valid := images()[amd64].entry()
	for name, change := range map[string]func(e *liststore.Entry){
		"name":      func(e *liststore.Entry) { e.Ref = "halo" },
		"no name":   func(e *liststore.Entry) { e.Ref = "" },
		"path":      func(e *liststore.Entry) { e.Ref = "../../etc/passwd" },
		"bytes":     func(e *liststore.Entry) { e.Raw = append([]byte(" "), e.Raw...) },
		"no bytes":  func(e *liststore.Entry) { e.Raw = nil },
		"size":      func(e *liststore.Entry) { e.Descriptor.Size++ },
		"no digest": func(e *liststore.Entry) { e.Descriptor.Digest = "" },
		"type":      func(e *liststore.Entry) { e.Descriptor.MediaType = manifest.MediaTypeOCIManifest },
		"list":      func(e *liststore.Entry) { e.Descriptor.MediaType = manifest.MediaTypeDockerList },
	} {
		t.Run(name, func(t *testing.T) {
			s := liststore.Store{Root: filepath.Join(t.TempDir(), "manifests")}
			e := valid
			change(&e)
			if err := s.Save(list, e); err == nil {
				t.Error("no error")
			}
			if _, err := os.Stat(s.Root); err == nil {
				t.Error("the store was created")
			}
		})
	}
	s := liststore.Store{Root: filepath.Join(t.TempDir(), "manifests")}
	for _, name := range []string{"", ".", "..", "halo", "../x", `a\b`} {
		if err := s.Save(name, valid); err == nil {
			t.Errorf("saved into list %q", name)
		}
		if err := s.Remove(name); err == nil {
			t.Errorf("removed list %q", name)
		}
	}
}

func TestSaveRefusesImagesWithSameFileName(t *testing.T) {
	im := images()[ociARM64]
	s := newStore(t, im)
	im.ref = host + "/hczjl/halo/oci:1.6-arm64"
	var collision *liststore.CollisionError
	if err := s.Save(list, im.entry()); !errors.As(err, &collision) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(&liststore.CollisionError{List: list, Have: ociARM64, Want: im.ref}, collision); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err := s.Get(list, im.ref)
	wantNotFound(t, err, im.ref)
	wantNotFound(t, s.RemoveEntry(list, im.ref), im.ref)
	wantRefs(t, s, ociARM64)
}

func TestRemove(t *testing.T) {
	all := images()
	s := newStore(t, all[amd64], all[arm])
	writeFile(t, file(s, amd64), "corrupt")
	if err := s.Remove(list); err != nil {
		t.Fatal(err)
	}
	if names, err := s.Lists(); err != nil || names != nil {
		t.Errorf("Lists: %v, %v", names, err)
	}
}

func TestRemoveEntry(t *testing.T) {
	all := images()
	s := newStore(t, all[amd64], all[arm], all[windows])
	writeFile(t, file(s, amd64), "corrupt")
	for _, ref := range []string{amd64, windows} {
		if err := s.RemoveEntry(list, ref); err != nil {
			t.Fatal(err)
		}
	}
	wantRefs(t, s, arm)
	if err := s.RemoveEntry(list, arm); err != nil {
		t.Fatal(err)
	}
	_, err := s.List(list)
	wantNotFound(t, err, list)
}

func TestSaveReplacesCorruptFile(t *testing.T) {
	im := images()[amd64]
	s := newStore(t, im)
	writeFile(t, file(s, amd64), "corrupt")
	if err := s.Save(list, im.entry()); err != nil {
		t.Fatal(err)
	}
	wantRefs(t, s, amd64)
}

func TestOtherFilesAreSkipped(t *testing.T) {
	s := newStore(t, images()[amd64])
	folder := filepath.Dir(file(s, amd64))
	writeFile(t, filepath.Join(folder, ".DS_Store"), "x")
	writeFile(t, filepath.Join(s.Root, "x"), "x")
	for _, dir := range []string{filepath.Join(folder, "dir"), filepath.Join(s.Root, ".git")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	wantRefs(t, s, amd64)
	if names, err := s.Lists(); err != nil || len(names) != 1 {
		t.Errorf("Lists: %v, %v", names, err)
	}
	if err := s.RemoveEntry(list, amd64); err != nil {
		t.Fatal(err)
	}
	wantRefs(t, s) // the other files keep the folder
}

func TestSymbolicLinksDoNotLeaveTheStore(t *testing.T) {
	im := images()[amd64]
	outside := newStore(t, im)
	s := newStore(t, images()[arm])
	if err := os.Symlink(file(outside, amd64), file(s, amd64)); err != nil {
		t.Skip(err)
	}
	_, err := s.List(list)
	wantCorrupt(t, err, "symbolic link", file(s, amd64))
	if err := s.Save(list, im.entry()); err != nil { // replaces the link
		t.Fatal(err)
	}
	if info, err := os.Lstat(file(s, amd64)); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}

	linked := liststore.Store{Root: t.TempDir()}
	link := filepath.Join(linked.Root, filepath.Base(filepath.Dir(file(outside, amd64))))
	if err := os.Symlink(filepath.Dir(file(outside, amd64)), link); err != nil {
		t.Fatal(err)
	}
	if _, err := linked.List(list); err == nil {
		t.Error("a list outside was read")
	}
	if err := linked.Save(list, images()[windows].entry()); err == nil {
		t.Error("a list outside was written")
	}
	if err := linked.Remove(list); err != nil {
		t.Error(err)
	}
	wantRefs(t, outside, amd64)
}

func TestSymbolicLinkInsideTheStore(t *testing.T) {
	s := newStore(t, images()[amd64])
	target := filepath.Join(s.Root, "x")
	if err := os.Rename(file(s, amd64), target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "x"), file(s, amd64)); err != nil {
		t.Skip(err)
	}
	wantRefs(t, s, amd64)
}

// A reader sees only complete files and no temporary ones.
func TestListWhileSaving(t *testing.T) {
	all := images()
	s := newStore(t, all[amd64])
	done := make(chan error)
	go func() {
		var err error
		for range 20 {
			err = errors.Join(err, s.Save(list, all[amd64].entry()))
		}
		done <- err
	}()
	for {
		wantRefs(t, s, amd64)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}
