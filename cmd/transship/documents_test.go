package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/hczjl/transship/blob"
)

// writeDocument makes a layout in a folder and the same in a tar, whose image app:1 is a document
// with that media type.
func (c *copySetup) writeDocument(mediaType, raw string) {
	d := blob.FromBytes([]byte(raw))
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"annotations":`+
		`{"io.containerd.image.name":"docker.io/library/app:1"}}]}`, mediaType, d, len(raw))
	members := []string{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`, "index.json", index,
		"blobs/sha256/" + d.Hex(), raw}
	c.must(os.RemoveAll(c.path("lay")))
	for i := 0; i < len(members); i += 2 {
		c.writeFile("lay/"+members[i], members[i+1])
	}
	c.writeFile("x.tar", makeTar(c.t, members...))
}

// Whatever command reads an image from a folder or tar puts it through the check that a registry's
// answers pass, so that no bundle is saved that verify refuses.
func TestDocumentsThatAreNoImages(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]struct{ mediaType, raw, says, hint string }{
		"schema 1": {"application/vnd.docker.distribution.manifest.v1+prettyjws",
			`{"schemaVersion":1,"name":"a","fsLayers":[{"blobSum":"` + emptySHA256 + `"}]}`,
			"docker schema 1 manifests are not supported", ""},
		"unknown": {"application/vnd.acme.rocket+json", `{"fuel":"kerosene"}`, "this is no image",
			"another document than an image is there"},
		"called an image": {"application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2}`, "this is no image",
			"another document than an image is there"},
		"two kinds": {"application/vnd.oci.image.index.v1+json", `{"manifests":[],"config":{}}`, "ambiguous manifest",
			"build the image"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			c.writeDocument(document.mediaType, document.raw)
			want := wantedError{7, document.says, document.hint}
			for _, from := range []string{"oci:@/lay", "oci-archive:@/x.tar"} {
				c.do("copy " + from + " DST").wantError(want)
				c.do("copy " + from + ":app:1 oci:@/other").wantError(want)
				c.do("copy --plan " + from + " DST").wantError(want)
				c.do("save -o @/y.tar " + from).wantError(want)
				c.do("save -o @/folder/ " + from).wantError(want)
				c.do("load " + from + " TO").wantError(want)
				c.do("verify " + from).want(7)
			}
			for _, file := range []string{"y.tar", "y.tar.partial", "y.tar.json"} {
				if _, err := os.Stat(c.path(file)); err == nil {
					t.Errorf("%s is there", file)
				}
			}
			if n := c.target.Count("^(PUT|POST|PATCH) "); n != 0 {
				t.Errorf("%d writes reached the registry", n)
			}
		})
	}
}
