package layout

import (
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func TestVerifyDir(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("hczjl/halo")
	layer := putBlob(t, r, "layer")
	im := imageManifest(t, layer, nil)
	putManifest(t, r, string(im.Digest), im)
	putManifest(t, r, "1.6", indexManifest(t, im))
	if bad := problems(t, d.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	foreign := manifest.Descriptor{MediaType: manifest.MediaTypeDockerForeignLayer, Size: 1, Digest: blob.FromBytes(nil)}
	putManifest(t, r, "foreign", imageManifest(t, foreign, nil)) // its config is the foreign blob too
	missing := layer
	missing.Digest = blob.FromBytes([]byte("missing"))
	putManifest(t, r, "missing", imageManifest(t, missing, nil))
	mustWrite(t, "!ayer", d.blobPath(layer.Digest))
	mustWrite(t, "x", d.path, blobsDir, "sha256", "no-blob")
	found := map[string]int{}
	for _, c := range problems(t, d.Verify) {
		found[c.What]++
	}
	if found["blob "+string(layer.Digest)] != 1 || found["image hczjl/halo:missing"] != 1 || len(found) != 3 {
		t.Errorf("got %v", found)
	}
}
