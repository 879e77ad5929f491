package layout

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// TestNamelessReferrers has an image with a name and, as oras attach writes them beside it, an SBOM
// and the SBOM's signature without one. What refers to something else stays elsewhere.
func TestNamelessReferrers(t *testing.T) {
	s := newSample()
	image := s.image(t, "linux/amd64", "layer")
	sbom := s.artifact(t, "sbom", &image.Descriptor)
	signature := s.artifact(t, "signature", &sbom.Descriptor)
	stray := s.artifact(t, "stray", &manifest.Descriptor{Digest: blob.FromBytes([]byte("elsewhere"))})
	s.addImage("", signature)
	s.addImage("", sbom)
	s.addImage("", stray)
	s.addImage("hczjl/halo:1", image)
	tar, _ := s.bundle(t)

	opened := map[string]referringRepository{"tar": openArchive(t, tar).Repository("docker.io/hczjl/halo")}
	for _, kind := range []string{"writable folder", "folder"} {
		path := filepath.Join(t.TempDir(), "x")
		s.writeFolder(t, path)
		dir, err := map[string]func(string) (*Dir, error){"writable folder": OpenDir, "folder": OpenReadOnly}[kind](path)
		if err != nil {
			t.Fatal(err)
		}
		root, err := dir.Find("hczjl/halo:1")
		if err != nil {
			t.Fatal(err)
		}
		opened[kind] = dir.Repository(root.Repository)
	}
	for kind, r := range opened {
		for subject, want := range map[blob.Digest]manifest.Manifest{image.Digest: sbom, sbom.Digest: signature} {
			list, err := r.Referrers(t.Context(), subject, "")
			if err != nil || len(list) != 1 || list[0].Digest != want.Digest {
				t.Errorf("%s: referrers of %s: %v, %v", kind, subject.Short(), list, err)
			}
			m, err := r.Manifest(t.Context(), string(want.Digest))
			if err != nil {
				t.Errorf("%s: %v", kind, err)
				continue
			}
			refs, _ := m.References()
			for _, d := range refs {
				if _, err := r.HeadBlob(t.Context(), d.Digest); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
		if _, err := r.Manifest(t.Context(), string(stray.Digest)); err == nil {
			t.Errorf("%s: the repository has what refers to another image", kind)
		}
	}
}

type referringRepository interface {
	Referrers(ctx context.Context, subject blob.Digest, artifactType string) ([]manifest.Descriptor, error)
	Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
	HeadBlob(ctx context.Context, d blob.Digest) (int64, error)
}

// writeFolder writes the images into a folder as another tool would: without links.
func (s *sample) writeFolder(t testing.TB, path string) {
	t.Helper()
	mustWrite(t, layoutText, path, layoutFile)
	entries := []manifest.Descriptor{}
	for _, im := range s.Images {
		d := im.Descriptor
		if im.Name != "" {
			d.Annotations = map[string]string{annotationTag: im.Name}
		}
		entries = append(entries, d)
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": entries})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, string(index), path, indexFile)
	for d, content := range s.bytes {
		mustWrite(t, string(content), path, blobName(d))
	}
	for _, m := range s.Manifests {
		mustWrite(t, string(m.Raw), path, blobName(m.Digest))
	}
}
