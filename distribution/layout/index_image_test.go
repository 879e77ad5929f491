package layout

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// indexImages returns the index.json of a tar and of a folder as images, each of an image and its
// artifact, and their content.
func indexImages(t *testing.T) (of map[string]*IndexImage, image, artifact manifest.Manifest) {
	t.Helper()
	s := newSample()
	image = s.image(t, "linux/amd64", "layer")
	artifact = s.artifact(t, "sbom", &image.Descriptor)
	s.addImage("halo:1", image)
	s.addImage("", artifact)
	path, _ := s.bundle(t)
	inTar, err := openArchive(t, path).IndexImage()
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t, t.TempDir())
	for d, content := range s.bytes {
		if err := os.MkdirAll(filepath.Dir(dir.blobPath(d)), 0o700); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, string(content), dir.blobPath(d))
	}
	for _, m := range []manifest.Manifest{image, artifact} {
		putManifest(t, dir.Repository("repo"), string(m.Digest), m)
	}
	inDir, err := dir.IndexImage()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*IndexImage{"tar": inTar, "folder": inDir}, image, artifact
}

func TestIndexImage(t *testing.T) {
	all, image, artifact := indexImages(t)
	for name, x := range all {
		root, err := x.Manifest(t.Context(), string(x.Root.Digest))
		if err != nil || blob.FromBytes(root.Raw) != root.Digest || root.MediaType != manifest.MediaTypeOCIIndex {
			t.Errorf("%s: got %s, error %v", name, root.Raw, err)
		}
		if refs, err := root.References(); err != nil || len(refs) != 2 {
			t.Errorf("%s: got %v, error %v", name, refs, err)
		}
		m, err := x.Manifest(t.Context(), string(image.Digest))
		if err != nil || m.Digest != image.Digest || m.MediaType != image.MediaType {
			t.Errorf("%s: got %v, error %v", name, m.Descriptor, err)
		}
		if !x.HasContent(image.Digest) || x.HasContent(blob.FromBytes(nil)) || x.HasContent("x") {
			t.Errorf("%s does not tell what it has", name)
		}
		layer := blob.FromBytes([]byte("layer"))
		in, err := x.Blob(t.Context(), manifest.Descriptor{Digest: layer}, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(in); string(got) != "yer" {
			t.Errorf("%s: got %q", name, got)
		}
		in.Close()
		refs, err := x.Referrers(t.Context(), image.Digest, "")
		if err != nil || len(refs) != 1 || refs[0].Digest != artifact.Digest {
			t.Errorf("%s: referrers %v, error %v", name, refs, err)
		}
		if refs, _ := x.Referrers(t.Context(), image.Digest, "other"); len(refs) != 0 {
			t.Errorf("%s: referrers %v", name, refs)
		}
		for _, ref := range []string{"1", string(blob.FromBytes(nil)), "../x"} {
			if _, err := x.Manifest(t.Context(), ref); err == nil {
				t.Errorf("%s has %s", name, ref)
			}
		}
	}
}

func TestIndexImageErrors(t *testing.T) {
	a := openArchive(t, writeTemp(t, dockerSave(t)))
	if _, err := a.IndexImage(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("docker save: got %v", err)
	}
	dir := openDir(t, t.TempDir())
	var document *manifest.DocumentError
	for content, name := range map[string]string{
		`{"schemaVersion":2,"manifests":[],"manifests":[]}`: "a member twice",
		`{"schemaVersion":2,"config":{}}`:                   "no index", "x": "no JSON",
	} {
		mustWrite(t, content, filepath.Join(dir.path, indexFile))
		if _, err := dir.IndexImage(); !errors.As(err, &document) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
