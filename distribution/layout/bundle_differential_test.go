package layout

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// TestDifferentialBundles writes three bundles, each with the one before as its base.
func TestDifferentialBundles(t *testing.T) {
	dir := t.TempDir()
	base := strings.Repeat("base ", 1000)
	first := newSample()
	first.addImage("halo:1", first.image(t, "linux/amd64", base, "one"))
	first.addImage("other:1", first.image(t, "linux/amd64", base, "other"))
	first.writeSplit(t, filepath.Join(dir, "1.tar"), 0, first.Blobs)

	second := newSample()
	second.addImage("halo:2", second.image(t, "linux/amd64", base, "two"))
	second.addImage("copy/halo:1", second.image(t, "linux/amd64", base, "one"))
	second.Base = mustReadInventory(t, filepath.Join(dir, "1.tar.json"))
	in := second.writeSplit(t, filepath.Join(dir, "2.tar"), 0, second.Blobs)

	var missing []string
	for _, c := range in.Missing() {
		missing = append(missing, string(first.bytes[c.Digest][:min(4, c.Size)])+" "+strings.Join(c.Repositories, " "))
	}
	slices.Sort(missing)
	want := []string{
		"base docker.io/library/halo docker.io/library/other", "one docker.io/library/halo",
		`{"ar docker.io/library/halo`,
	}
	if diff := cmp.Diff(want, missing); diff != "" || in.Base.ID != second.Base.ID || in.Base.File != "1.tar" {
		t.Errorf("%s, base %+v", diff, in.Base)
	}
	a := openArchive(t, filepath.Join(dir, "2.tar"))
	checkDifferential(t, a, first.Blobs[0], second)

	third := newSample()
	third.addImage("halo:3", third.image(t, "linux/amd64", base, "two", "three"))
	third.Base = mustReadInventory(t, filepath.Join(dir, "2.tar")) // from the bundle itself
	third.writeSplit(t, filepath.Join(dir, "3.tar"), 0, third.Blobs)
	a3 := openArchive(t, filepath.Join(dir, "3.tar"))
	for content, there := range map[string]bool{base: false, "two": false, "three": true} {
		if a3.Has(blob.FromBytes([]byte(content))) != there {
			t.Errorf("%.5s: want %v", content, there)
		}
	}
}

func mustReadInventory(t testing.TB, path string) *Inventory {
	t.Helper()
	in, err := ReadInventory(path)
	if err != nil {
		t.Fatal(err)
	}
	return &in
}

// checkDifferential checks the second bundle, which leaves old to the first.
func checkDifferential(t *testing.T, a *Archive, old manifest.Descriptor, s *sample) {
	t.Helper()
	_, err := a.Blob(t.Context(), old, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	wantError(t, err, " builds on 1.tar, which is missing: blob "+old.Digest.Short()+" is left to it")
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	for _, m := range s.Manifests {
		if !a.Has(m.Digest) {
			t.Errorf("manifest %s was left out", m.Digest)
		}
	}
	got := dockerEntries(t, a.String(), s)
	if len(got) != 1 || got[0].RepoTags[0] != "docker.io/library/halo:2" {
		t.Errorf("docker gets %+v, want only what has its config in the bundle", got)
	}
	b, err := CreateBundle(filepath.Join(t.TempDir(), "again.tar"), s.BundleContents, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	if outcome, err := b.PutBlob(t.Context(), old, nil); outcome != blob.Exists || err != nil {
		t.Errorf("got %v, %v", outcome, err)
	}
}

func TestCreateBaseOfOtherSize(t *testing.T) {
	s := newSample()
	s.addImage("x:1", s.image(t, "linux/amd64", "layer"))
	s.Base = &Inventory{Content: []Content{{Digest: s.Blobs[0].Digest, Size: 1}}}
	s.Blobs = s.Blobs[1:]
	_, err := CreateBundle(filepath.Join(t.TempDir(), "x.tar"), s.BundleContents, BundleFiles{})
	wantError(t, err, "but a descriptor says")
}

func TestReadInventory(t *testing.T) {
	s := threeImages(t)
	path, in := s.bundle(t)
	beside, err := ReadInventory(path + ".json")
	if diff := cmp.Diff(in, beside); diff != "" || err != nil {
		t.Error(err, diff)
	}
	own, err := ReadInventory(path)
	in.Volumes = nil
	if diff := cmp.Diff(in, own); diff != "" || err != nil {
		t.Error(err, diff)
	}
	docker, err := ReadInventory(writeTemp(t, dockerSave(t)))
	if err != nil || docker.ID != "" || len(docker.Images) != 3 || docker.File != "x.tar" {
		t.Errorf("got %+v, %v", docker, err)
	}
	digest := string(blob.FromBytes(nil))
	for text, content := range map[string]string{
		"take a newer transship": `{"version":3,"content":7}`, "unexpected end": `{`, "has no bundle ID": `{"version":1}`,
		"out of order":    `{"version":1,"content":[{"digest":"` + digest + `"},{"digest":"` + digest + `"}]}`,
		"../x is invalid": `{"version":1,"volumes":[{"file":"../x","digest":"` + digest + `"}]}`,
		"volume a is":     `{"version":1,"volumes":[{"file":"a"},{"file":"b"}]}`,
		"volume b is":     `{"version":1,"volumes":[{"file":"b","digest":"x"}]}`,
		"has the size -1": `{"version":1,"images":[{"size":-1,"digest":"` + digest + `"}]}`,
	} {
		_, err := ReadInventory(writeTemp(t, []byte(content)))
		var typed *ArchiveError
		if !errors.As(err, &typed) {
			t.Errorf("%s: got %v", content, err)
		}
		wantError(t, err, text)
	}
	if _, err := ReadInventory(writeTemp(t, []byte(`{"notes":1}`))); !errors.Is(err, ErrNotArchive) {
		t.Errorf("another document: got %v", err)
	}
	if _, err := ReadInventory(filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
