package layout

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func TestArchiveRepositories(t *testing.T) {
	s := newSample()
	a, b := s.image(t, "linux/amd64", "a"), s.image(t, "linux/amd64", "b")
	s.addImage("hczjl/halo:1", a)
	s.addImage("hczjl/halo:2", b)
	s.addImage("r.example/hczjl/halo:2", a) // the same path and tag, another image
	s.addImage("r.example/hczjl/halo:3", a)
	s.addImage("localhost:5000/x:1", b)
	s.addImage("", a)
	path, _ := s.bundle(t)
	archive := openArchive(t, path)
	names, err := archive.Repositories(t.Context())
	want := []string{"b-tar", "docker.io/hczjl/halo", "hczjl/halo", "r.example/hczjl/halo", "x"}
	if diff := cmp.Diff(want, names); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for name, want := range map[string]string{
		"hczjl/halo": "1 3", "docker.io/hczjl/halo": "1 2", "r.example/hczjl/halo": "2 3",
		"x": "1", "localhost:5000/x": "1", "b-tar": "",
	} {
		tags, err := archive.Repository(name).Tags(t.Context())
		if got := strings.Join(tags, " "); got != want || err != nil {
			t.Errorf("%s: got %q, error %v, want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]bool{"hczjl/halo": true, "x": true, "docker.io/hczjl/halo": false, "b-tar": false} {
		if got := archive.HasShortName(name); got != want {
			t.Errorf("%s: HasShortName is %v", name, got)
		}
	}
	if _, err := archive.Repository("hczjl/halo").Manifest(t.Context(), string(b.Digest)); err != nil {
		t.Error(err)
	}
	if _, err := archive.Repository("nothing").Tags(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestArchiveRepository(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	archive := openArchive(t, path)
	r := archive.Repository("hczjl/halo")
	halo, signature := s.Images[0].Descriptor, s.Images[3].Descriptor
	for _, ref := range []string{"1.6", string(halo.Digest), string(s.Manifests[0].Digest)} {
		d, err := r.HeadManifest(t.Context(), ref)
		m, err2 := r.Manifest(t.Context(), ref)
		if diff := cmp.Diff(d, m.Descriptor); err != nil || err2 != nil || diff != "" {
			t.Errorf("%s: %v, %v, %s", ref, err, err2, diff)
		}
	}
	layer := s.Blobs[1]
	size, err := r.HeadBlob(t.Context(), layer.Digest)
	if err != nil || size != layer.Size {
		t.Errorf("got %d, %v", size, err)
	}
	body, err := r.Blob(t.Context(), layer, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(body); string(got) != "rm" {
		t.Errorf("got %q", got)
	}
	referrers, err := r.Referrers(t.Context(), halo.Digest, "")
	if err != nil || len(referrers) != 1 {
		t.Fatalf("got %+v, %v", referrers, err)
	}
	if got := referrers[0]; got.Digest != signature.Digest || got.ArtifactType != "application/x" {
		t.Errorf("got %+v", got)
	}
	if referrers, err := r.Referrers(t.Context(), halo.Digest, "other"); len(referrers) > 0 || err != nil {
		t.Errorf("got %+v, %v", referrers, err)
	}
}

func TestArchiveRepositoryErrors(t *testing.T) {
	s := threeImages(t)
	path, _ := s.bundle(t)
	r, tool := openArchive(t, path).Repository("hczjl/halo"), blob.FromBytes([]byte("tool"))
	head := func(ctx context.Context, ref string) error { _, err := r.HeadManifest(ctx, ref); return err }
	for what, c := range map[string]struct {
		err      error
		notExist bool
	}{
		"tag":                      {head(t.Context(), "no"), true},
		"malformed":                {head(t.Context(), "sha256:x"), false},
		"manifest elsewhere":       {head(t.Context(), string(s.Images[2].Digest)), true},
		"blob as manifest":         {head(t.Context(), string(s.Blobs[0].Digest)), true},
		"blob elsewhere":           {errorOf(r.HeadBlob(t.Context(), tool)), true},
		"open elsewhere":           {errorOf(r.Blob(t.Context(), manifest.Descriptor{Digest: tool}, 0)), true},
		"manifest as blob":         {errorOf(r.HeadBlob(t.Context(), s.Manifests[0].Digest)), true},
		"offset":                   {errorOf(r.Blob(t.Context(), s.Blobs[0], 1<<40)), false},
		"referrers of a malformed": {errorOf(r.Referrers(t.Context(), "x", "")), false},
	} {
		if c.err == nil || errors.Is(c.err, fs.ErrNotExist) != c.notExist {
			t.Errorf("%s: got %v", what, c.err)
		}
	}
}

// The config of the manifest is not in the archive.
func TestArchiveRepositoryWithoutConfig(t *testing.T) {
	files := layoutFiles("1")
	r := openArchive(t, writeTemp(t, newTar(t, files[:3]...))).Repository("x-tar")
	if _, err := r.Manifest(t.Context(), "1"); err != nil {
		t.Error(err)
	}
	if _, err := r.HeadBlob(t.Context(), parseBlobName(files[3].name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
