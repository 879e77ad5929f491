package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// foreignLayout returns an image layout as other tools write it, without links: an index of two
// images, a signature of it, and an image without a name.
func foreignLayout(t *testing.T) (path string, index, signature manifest.Manifest) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "other")
	d := openDir(t, path)
	r := d.Repository("docker.io/hczjl/halo")
	one, two := imageManifest(t, putBlob(t, r, "one"), nil), imageManifest(t, putBlob(t, r, "two"), nil)
	index = indexManifest(t, one, two)
	signature = imageManifest(t, putBlob(t, r, "signature"), &index.Descriptor)
	bare := imageManifest(t, putBlob(t, d.Repository("other"), "bare"), nil)
	for _, m := range []manifest.Manifest{one, two} {
		putManifest(t, r, string(m.Digest), m)
	}
	putManifest(t, r, "1.6", index)
	putManifest(t, r, string(signature.Digest), signature)
	putManifest(t, d.Repository("other"), string(bare.Digest), bare)
	if err := os.RemoveAll(d.privatePath()); err != nil {
		t.Fatal(err)
	}
	return path, index, signature
}

// listFiles returns the names, sizes and times of everything in a folder.
func listFiles(t *testing.T, path string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		out = append(out, fmt.Sprint(name, info.Size(), info.ModTime()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A folder opened for reading shows what OpenDir would show, and nothing is written to it.
func TestReadOnlyShowsWhatOpenDirShows(t *testing.T) {
	path, index, _ := foreignLayout(t)
	before := listFiles(t, path)
	d, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	got := describeDir(t, d, index)
	if diff := cmp.Diff(before, listFiles(t, path)); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
	want := describeDir(t, openDir(t, path), index)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again, err := OpenReadOnly(path); err != nil || !cmp.Equal(describeDir(t, again, index), want) {
		t.Errorf("with links: %v", err)
	}
	if bad := problems(t, d.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

// describeDir returns the results of all methods that read a folder.
func describeDir(t *testing.T, d *Dir, index manifest.Manifest) (out []string) {
	t.Helper()
	names, err := d.Repositories(t.Context())
	out = append(out, fmt.Sprint(names, err))
	for _, name := range append(names, "nothing") {
		r := d.Repository(name)
		tags, err := r.Tags(t.Context())
		referrers, err2 := r.Referrers(t.Context(), index.Digest, "")
		out = append(out, fmt.Sprint(name, tags, errors.Is(err, fs.ErrNotExist), referrers, err2))
		for _, content := range []string{"one", "signature", "bare"} {
			size, err := r.HeadBlob(t.Context(), blob.FromBytes([]byte(content)))
			out = append(out, fmt.Sprint(name, content, size, err))
		}
		refs, _ := index.References()
		for _, ref := range append(refs, index.Descriptor) {
			m, err := r.Manifest(t.Context(), string(ref.Digest))
			out = append(out, fmt.Sprint(name, m.MediaType, len(m.Raw), err))
		}
	}
	return out
}

// A folder opened for reading shows what other processes write there.
func TestReadOnlySeesChanges(t *testing.T) {
	path, index, _ := foreignLayout(t)
	d, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Repository("docker.io/hczjl/halo")
	if _, err := r.HeadManifest(t.Context(), string(index.Digest)); err != nil {
		t.Error(err)
	}
	writer := openDir(t, path).Repository("docker.io/hczjl/halo")
	m := imageManifest(t, putBlob(t, writer, "new"), nil)
	putManifest(t, writer, "1.7", m)
	for _, ref := range []string{"1.6", "1.7", string(m.Digest), string(index.Digest)} {
		if _, err := r.Manifest(t.Context(), ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestReadOnlyRefusesChanges(t *testing.T) {
	path, index, _ := foreignLayout(t)
	openDir(t, path) // with links
	before := listFiles(t, path)
	d, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	r, one, ctx := d.Repository("docker.io/hczjl/halo"), blob.FromBytes([]byte("one")), t.Context()
	_, errHold := d.Hold()
	_, errPrune := d.Prune(ctx, PruneOptions{})
	_, errUpload := r.NewUpload(ctx, blob.SHA256)
	for what, err := range map[string]error{
		"Hold": errHold, "Prune": errPrune, "NewUpload": errUpload,
		"PutManifest":    r.PutManifest(ctx, "2", index),
		"Tag":            r.Tag(ctx, index.Digest, "2"),
		"DeleteTag":      r.DeleteTag(ctx, "1.6"),
		"DeleteManifest": r.DeleteManifest(ctx, index.Digest),
		"DeleteBlob":     r.DeleteBlob(ctx, one),
		"Mount":          d.Repository("other").Mount(ctx, one, r.Name()),
		"Drop":           d.Drop(Root{}),
	} {
		if !errors.Is(err, ErrReadOnly) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if diff := cmp.Diff(before, listFiles(t, path)); diff != "" {
		t.Error(diff)
	}
}

func TestReadOnlyRefusesFolders(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReadOnly(filepath.Join(dir, "typo")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		kind  error
		text  string
	}{
		"empty":    {nil, ErrNotArchive, "there is no oci-layout in it"},
		"no index": {map[string]string{layoutFile: layoutText}, ErrNotArchive, "there is no index.json in it"},
		"newer": {
			map[string]string{layoutFile: `{"imageLayoutVersion":"2.0.0"}`, indexFile: "{}"},
			ErrNewer, `unknown version "2.0.0"`,
		},
		"broken": {map[string]string{layoutFile: layoutText, indexFile: "{"}, ErrDamaged, "unexpected end of JSON"},
	} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
		for file, content := range c.files {
			mustWrite(t, content, path, file)
		}
		_, err := OpenReadOnly(path)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v", name, err)
		}
		wantError(t, err, c.text)
		if got, _ := os.ReadDir(path); len(got) != len(c.files) {
			t.Errorf("%s: something was written: %v", name, got)
		}
	}
}

// Names that clients make up take no memory.
func TestMemoryLinksOfUnknownRepositories(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	putManifest(t, d.Repository("a"), "1", imageManifest(t, putBlob(t, d.Repository("a"), "layer"), nil))
	ro, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		_, _ = ro.Repository(fmt.Sprint("unknown/", i)).HeadBlob(t.Context(), testDigest("a"))
	}
	if n := len(ro.memoryLinks.links); n > 10 {
		t.Errorf("%d repositories in memory", n)
	}
}
