package layout

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzOpenArchive opens any bytes as an archive and calls all its methods.
func FuzzOpenArchive(f *testing.F) {
	path, _ := threeImages(f).bundle(f)
	f.Add(mustRead(f, path))
	f.Add(dockerSave(f))
	f.Add(newTar(f, layoutFiles("1.6")...))
	f.Add(newTar(f, tarFile{name: "x", typeflag: tar.TypeSymlink, link: "../x"},
		tarFile{name: "../y"}, tarFile{name: "z", typeflag: tar.TypeGNUSparse}))
	f.Add([]byte("\x1f\x8b\x08"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(dir, "x.tar")
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		a, err := OpenArchive(path)
		if err != nil {
			return
		}
		defer a.Close()
		a.Verify(t.Context(), func(Check) {})
		if _, err := a.Inventory(); err != nil {
			return
		}
		names, err := a.Repositories(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			useRepository(t, a.Repository(name))
		}
	})
}

func useRepository(t *testing.T, r *ArchiveRepository) {
	tags, err := r.Tags(t.Context())
	if err != nil {
		t.Errorf("a listed repository: %v", err)
	}
	for _, tag := range tags {
		if _, err := r.HeadManifest(t.Context(), tag); err != nil {
			t.Errorf("a listed tag: %v", err)
		}
		r.Manifest(context.Background(), tag)
	}
}

// FuzzInventory parses any bytes as an inventory. What parses must encode to a document that parses
// to the same.
func FuzzInventory(f *testing.F) {
	path, in := threeImages(f).bundle(f)
	f.Add(mustRead(f, path+".json"))
	in.ID, in.Volumes, in.Base = "", nil, &Base{File: "old.tar"}
	f.Add(in.encode())
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"version":3}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := decodeInventory(raw)
		if err != nil {
			return
		}
		once := in.encode()
		again, err := decodeInventory(once)
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		if twice := again.encode(); !bytes.Equal(once, twice) {
			t.Error(cmp.Diff(string(once), string(twice)))
		}
		in.Find("sha256:x")
	})
}

// FuzzDockerFile parses any bytes as docker's manifest.json, beside a config and a layer.
func FuzzDockerFile(f *testing.F) {
	f.Add([]byte(`[{"Config":"c","RepoTags":["x:1"],"Layers":["l"]}]`))
	f.Add([]byte(`[{"Config":"c","RepoTags":null,"Layers":["k"]}]`))
	f.Add([]byte(`[{"Config":"../c","Layers":[""]},null]`))
	f.Add([]byte(`null`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(dir, "x.tar")
		archive := newTar(t, tarFile{name: dockerFile, content: string(raw)}, tarFile{name: "c", content: configJSON("l")},
			tarFile{name: "l", content: "l"}, tarFile{name: "k", typeflag: tar.TypeSymlink, link: "./l"})
		if err := os.WriteFile(path, archive, 0o666); err != nil {
			t.Fatal(err)
		}
		a, err := OpenArchive(path)
		if err != nil {
			var typed *ArchiveError
			if !errors.As(err, &typed) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
			return
		}
		defer a.Close()
		if bad := problems(t, a.Verify); bad != nil {
			t.Errorf("problems: %v", bad)
		}
	})
}
