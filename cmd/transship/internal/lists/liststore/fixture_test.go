package liststore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// The images are on a registry with a port, so that file names have a ":" to replace. The host is
// an address (RFC 5737), since docker resolves names even if it uses a proxy.
const (
	host     = "192.0.2.1:5000"
	halo     = host + "/hczjl/halo:"
	amd64    = halo + "1.6-amd64"
	arm      = halo + "1.6-arm32v7"
	windows  = halo + "1.6-windows"
	ociARM64 = host + "/hczjl/halo_oci:1.6-arm64"
	ociS390X = host + "/hczjl/halo_oci:1.6-s390x"
	buildx   = host + "/hczjl/buildx:1.6"
	odd      = host + "/hczjl/odd:1.6"
)

// image is an image in a registry: the manifest and its config blob.
type image struct {
	ref, mediaType string
	manifest       string
	config         string
	platform       manifest.Platform
}

func (im image) digest() blob.Digest { return blob.FromBytes([]byte(im.manifest)) }

// byDigest returns the same image, named by digest.
func (im image) byDigest(t testing.TB) image {
	t.Helper()
	r, err := reference.Parse(im.ref)
	if err != nil {
		t.Fatal(err)
	}
	im.ref = r.WithDigest(im.digest()).String()
	return im
}

// entry returns the image's entry in a list.
func (im image) entry() liststore.Entry {
	p := im.platform
	return liststore.Entry{
		Ref: im.ref,
		Descriptor: manifest.Descriptor{
			MediaType: im.mediaType, Size: int64(len(im.manifest)), Digest: im.digest(), Platform: &p,
		},
		Raw: []byte(im.manifest),
	}
}

// images returns all images. Their manifests are indented as docker's engine does (three spaces),
// as buildx does (two), not at all and without a media type, and with four spaces. The bytes of the
// last one could not be rebuilt by docker before 23.
func images() map[string]image {
	all := map[string]image{}
	for _, im := range []image{
		dockerImage(amd64, 3, `{"architecture":"amd64","os":"linux"}`,
			manifest.Platform{Architecture: "amd64", OS: "linux"}),
		dockerImage(arm, 3, `{"architecture":"arm","os":"linux","variant":"v7"}`,
			manifest.Platform{Architecture: "arm", OS: "linux", Variant: "v7"}),
		dockerImage(windows, 3,
			`{"architecture":"amd64","os":"windows","os.version":"10.0.17763.1","os.features":["win32k"]}`,
			manifest.Platform{Architecture: "amd64", OS: "windows", OSVersion: "10.0.17763.1", OSFeatures: []string{"win32k"}}),
		dockerImage(buildx, 2, `{"architecture":"riscv64","os":"linux"}`,
			manifest.Platform{Architecture: "riscv64", OS: "linux"}),
		dockerImage(odd, 4, `{"architecture":"ppc64le","os":"linux"}`,
			manifest.Platform{Architecture: "ppc64le", OS: "linux"}),
		ociImage(ociARM64, `{"architecture":"arm64","os":"linux","variant":"v8"}`,
			manifest.Platform{Architecture: "arm64", OS: "linux", Variant: "v8"}),
		compactImage(ociS390X, `{"architecture":"s390x","os":"linux"}`,
			manifest.Platform{Architecture: "s390x", OS: "linux"}),
	} {
		all[im.ref] = im
	}
	return all
}

func dockerImage(ref string, spaces int, config string, p manifest.Platform) image {
	const form = `{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": %d,
      "digest": "%s"
   },
   "layers": [
      {
         "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
         "size": 32,
         "digest": "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4",
         "urls": [
            "https://layers.example/?a=1\u0026b=2"
         ]
      }
   ]
}`
	text := strings.ReplaceAll(fill(form, config), "   ", strings.Repeat(" ", spaces))
	return image{ref, manifest.MediaTypeDockerManifest, text, config, p}
}

// ociImage returns an image with annotations that have unescaped characters which encoding/json
// escapes.
func ociImage(ref, config string, p manifest.Platform) image {
	const form = `{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "%[2]s",
    "size": %[1]d
  },
  "layers": [],
  "annotations": {
    "org.opencontainers.image.title": "<halo & friends> \u2028 ü"
  }
}
`
	text := strings.ReplaceAll(fill(form, config), `\u2028`, "\u2028")
	return image{ref, manifest.MediaTypeOCIManifest, text, config, p}
}

func compactImage(ref, config string, p manifest.Platform) image {
	const form = `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%[2]s",` +
		`"size":%[1]d},"layers":[]}`
	return image{ref, manifest.MediaTypeOCIManifest, fill(form, config), config, p}
}

func fill(form, config string) string {
	return fmt.Sprintf(form, len(config), blob.FromBytes([]byte(config)))
}
