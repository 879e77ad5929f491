package layout

import (
	"testing"

	"github.com/hczjl/transship/manifest"
)

// A foreign layer that a folder lacks is reported as left out, and is no problem.
func TestVerifyOfFolderNamesForeignLayers(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	config := putBlob(t, r, "config")
	config.MediaType = manifest.MediaTypeOCIConfig
	foreign := manifest.Descriptor{MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		Digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Size: 5}
	putManifest(t, r, "1", encodeManifest(t, manifest.MediaTypeOCIManifest, map[string]any{
		"config": config, "layers": []manifest.Descriptor{foreign},
	}))
	leftOut := 0
	if err := d.Verify(t.Context(), func(c Check) {
		if c.LeftOut != nil && c.LeftOut.Digest == foreign.Digest {
			leftOut++
		}
		if c.Err != nil {
			t.Errorf("%s: %v", c.What, c.Err)
		}
	}); err != nil || leftOut != 1 {
		t.Errorf("%d layers left out, error %v", leftOut, err)
	}
}
