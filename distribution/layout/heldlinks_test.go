package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// A folder that another tool wrote and that is read-only shows the same as one whose links could be written.
func TestHeldLinks(t *testing.T) {
	s := threeImages(t)
	tarball, _ := s.bundle(t)
	path := t.TempDir()
	for _, m := range members(t, read(t, tarball)) {
		writeFile(t, string(m.content), path, m.header.Name)
	}
	d := open(t, path)
	readOnly := &Dir{path: path, name: d.name}
	ix, err := d.index()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range ix.entries {
		r := readOnly.Repository(e.repository)
		a := adoption{repository: r, links: map[string]string{}}
		a.manifest(e.Descriptor)
		readOnly.links.add(a.links)
	}
	want := shows(t, d)
	if err := os.RemoveAll(d.private()); err != nil {
		t.Fatal(err)
	}
	if got := shows(t, readOnly); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	if size, err := readOnly.Repository("other").HeadBlob(t.Context(), s.Blobs[0].Digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another repository has the blob: %d bytes, error %v", size, err)
	}
}

// shows lists all that the repositories of a folder tell.
func shows(t testing.TB, d *Dir) []string {
	t.Helper()
	names, err := d.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range names {
		r := d.Repository(name)
		tags, err := r.Tags(t.Context())
		out = append(out, fmt.Sprint(name, tags, err))
		for _, content := range []string{"base", "arm", "amd", "v7", "tool", "signature"} {
			size, err := r.HeadBlob(t.Context(), blob.FromBytes([]byte(content)))
			out = append(out, fmt.Sprint(name, content, size, err))
		}
		roots, err := d.Roots()
		if err != nil {
			t.Fatal(err)
		}
		for _, root := range roots {
			m, err := r.HeadManifest(t.Context(), string(root.Digest))
			about, err2 := r.Referrers(t.Context(), root.Digest, "")
			out = append(out, fmt.Sprint(name, root.Digest, m, err, about, err2))
		}
	}
	return out
}

func TestIsReadOnly(t *testing.T) {
	for err, want := range map[error]bool{syscall.EROFS: true, syscall.EACCES: true, syscall.EPERM: true, syscall.ENOSPC: false, fs.ErrNotExist: false} {
		if got := isReadOnly(fmt.Errorf("in: %w", &fs.PathError{Op: "mkdir", Path: "x", Err: err})); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
	if isReadOnly(nil) {
		t.Error("no error is one")
	}
}
