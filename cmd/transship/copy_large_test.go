package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// A manifest that is too large in a layout is not a missing one.
func TestLargeManifestInLayout(t *testing.T) {
	c := newCopySetup(t)
	c.do("copy SRC oci:" + c.path("layout") + ":1.6").want(0)
	large := []byte(`{"schemaVersion":2,"layers":[]` + strings.Repeat(" ", manifest.MaxSize) + "}")
	digest := blob.FromBytes(large)
	c.writeFile("layout/blobs/sha256/"+digest.Hex(), string(large))
	c.writeFile("layout/index.json", fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,`+
		`"annotations":{"org.opencontainers.image.ref.name":"1.6"}}]}`, manifest.MediaTypeOCIManifest, digest, len(large)))
	c.run("copy", "oci:"+c.path("layout")+":1.6", c.dst).wantError(wantedError{1, "larger than 4 MiB", ""})
}
