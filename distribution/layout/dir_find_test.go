package layout

import (
	"errors"
	"io/fs"
	"testing"
)

func TestDirFind(t *testing.T) {
	s := threeImages(t)
	d := openDir(t, t.TempDir())
	halo, tool := s.Images[0].Digest, s.Images[2].Digest
	for _, put := range []struct{ repository, ref string }{
		{"docker.io/hczjl/halo", "1.6"}, {"registry.example:5000/tool", string(tool)},
	} {
		for _, m := range s.Manifests {
			if m.Digest == halo && put.ref == "1.6" || string(m.Digest) == put.ref {
				if err := d.Repository(put.repository).PutManifest(t.Context(), put.ref, m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for ref, want := range map[string]Root{
		"1.6":                      {Repository: "docker.io/hczjl/halo", Tag: "1.6"},
		"hczjl/halo:1.6":           {Repository: "docker.io/hczjl/halo", Tag: "1.6"},
		"docker.io/hczjl/halo:1.6": {Repository: "docker.io/hczjl/halo", Tag: "1.6"},
		string(tool):               {Repository: "registry.example:5000/tool"},
		"registry.example:5000/tool@" + string(tool): {Repository: "registry.example:5000/tool"},
	} {
		got, err := d.Find(ref)
		if err != nil || got.Repository != want.Repository || got.Tag != want.Tag {
			t.Errorf("%s: got %+v, error %v", ref, got, err)
		}
	}
	var several *FindError
	if _, err := d.Find(""); !errors.As(err, &several) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("several images: error %v", err)
	}
	if _, err := d.Find("1.7"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such image: error %v", err)
	}
}
