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

// foreign is an image layout as other tools write it, without links: an index of two images, a signature of it, and an
// image without a name.
func foreign(t *testing.T) (path string, index, signature manifest.Manifest) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "other")
	d := open(t, path)
	r := d.Repository("docker.io/hczjl/halo")
	one, two := image(t, putBlob(t, r, "one"), nil), image(t, putBlob(t, r, "two"), nil)
	index = list(t, one, two)
	signature = image(t, putBlob(t, r, "signature"), &index.Descriptor)
	bare := image(t, putBlob(t, d.Repository("other"), "bare"), nil)
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

// files lists a folder: names, sizes and times.
func files(t *testing.T, path string) (out []string) {
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

// What a folder shows is the same when nothing may be written to it, and then nothing is.
func TestReadOnlyShowsTheSame(t *testing.T) {
	path, index, _ := foreign(t)
	before := files(t, path)
	d, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	got := view(t, d, index)
	if diff := cmp.Diff(before, files(t, path)); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
	want := view(t, open(t, path), index)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again, err := OpenReadOnly(path); err != nil || !cmp.Equal(view(t, again, index), want) {
		t.Errorf("with links: %v", err)
	}
	if bad := problems(t, d.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

// view is all that the methods of a folder tell.
func view(t *testing.T, d *Dir, index manifest.Manifest) (out []string) {
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

// A folder that is open for reading shows what other processes put there.
func TestReadOnlySeesChanges(t *testing.T) {
	path, index, _ := foreign(t)
	d, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Repository("docker.io/hczjl/halo")
	if _, err := r.HeadManifest(t.Context(), string(index.Digest)); err != nil {
		t.Error(err)
	}
	writer := open(t, path).Repository("docker.io/hczjl/halo")
	m := image(t, putBlob(t, writer, "new"), nil)
	putManifest(t, writer, "1.7", m)
	for _, ref := range []string{"1.6", "1.7", string(m.Digest), string(index.Digest)} {
		if _, err := r.Manifest(t.Context(), ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestReadOnlyRefusesChanges(t *testing.T) {
	path, index, _ := foreign(t)
	open(t, path) // with links
	before := files(t, path)
	d, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	r, one, ctx := d.Repository("docker.io/hczjl/halo"), blob.FromBytes([]byte("one")), t.Context()
	_, errHold := d.Hold()
	_, errPrune := d.Prune(ctx, Pruning{})
	_, errUpload := r.NewUpload(ctx, blob.SHA256)
	for what, err := range map[string]error{
		"Hold": errHold, "Prune": errPrune, "NewUpload": errUpload,
		"PutManifest":    r.PutManifest(ctx, "2", index),
		"Tag":            r.Tag(ctx, index.Digest, "2"),
		"Untag":          r.Untag(ctx, "1.6"),
		"DeleteManifest": r.DeleteManifest(ctx, index.Digest),
		"DeleteBlob":     r.DeleteBlob(ctx, one),
		"Mount":          d.Repository("other").Mount(ctx, one, r.Name()),
		"Drop":           d.Drop(Root{}),
	} {
		if !errors.Is(err, ErrReadOnly) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if diff := cmp.Diff(before, files(t, path)); diff != "" {
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
		"newer":    {map[string]string{layoutFile: `{"imageLayoutVersion":"2.0.0"}`, indexFile: "{}"}, ErrNewer, `unknown version "2.0.0"`},
		"broken":   {map[string]string{layoutFile: layoutText, indexFile: "{"}, ErrDamaged, "unexpected end of JSON"},
	} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
		for file, content := range c.files {
			writeFile(t, content, path, file)
		}
		_, err := OpenReadOnly(path)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v", name, err)
		}
		says(t, err, c.text)
		if got, _ := os.ReadDir(path); len(got) != len(c.files) {
			t.Errorf("%s: something was written: %v", name, got)
		}
	}
}
