package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

const (
	digestA = blob.Digest("sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed")
	digestB = blob.Digest("sha256:d351b5d3df9a11dca3c9933c4a58e367c27d1b282dee4e74653e8a10680b0b53")
	digestC = blob.Digest("sha256:034bea9cac5622a0eb0dccd1a56d8bfbe88b270a00d35fba77e0b7134ba479af")
)

func seedFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "seed", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seedList returns the seed's list as typed structs.
func seedList(amd64, arm, arm64 blob.Digest) manifest.Index {
	entry := func(d blob.Digest, p manifest.Platform) manifest.Descriptor {
		return manifest.Descriptor{MediaType: manifest.MediaTypeDockerManifest, Size: 2412, Digest: d, Platform: &p}
	}
	return manifest.Index{
		SchemaVersion: 2,
		MediaType:     manifest.MediaTypeDockerList,
		Manifests: []manifest.Descriptor{
			entry(amd64, manifest.Platform{Architecture: "amd64", OS: "linux"}),
			entry(arm, manifest.Platform{Architecture: "arm", OS: "linux", Variant: "v7"}),
			entry(arm64, manifest.Platform{Architecture: "arm64", OS: "linux"}),
		},
	}
}

func TestDockerStyleWritesTheSeedsLists(t *testing.T) {
	for name, ix := range map[string]manifest.Index{
		"halo-1.6.official.manifest-list.json": seedList(digestA, digestB, digestC),
		"halo-1.6.rehosted.manifest-list.json": seedList(
			"sha256:0206a4494a69ad6853c5083561213b6466f6c69f23b8a51cae1317bdab883235",
			"sha256:cd7aa5a288d6ecb6eca55a67da64cb895d253344dfc050b0021f3f91b3474efb",
			"sha256:0402c028c946b219493fb791529b2d814f7998b2e65922f64844b8d1fc9e42fc"),
	} {
		got, err := manifest.DockerStyle().EncodeIndex(ix)
		if err != nil {
			t.Fatal(err)
		}
		want := seedFile(t, name)
		if len(want) != 1079 {
			t.Fatalf("%s has %d bytes", name, len(want))
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// dockerEverything has every member, in docker's order, with the escaping of encoding/json.
const dockerEverything = `{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
   "manifests": [
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 7,
         "digest": "sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed",
         "urls": [
            "https://example.com/?a=1\u0026b=2"
         ],
         "annotations": {
            "a": "\u003c1\u003e",
            "b": "2"
         },
         "platform": {
            "architecture": "amd64",
            "os": "windows",
            "os.version": "10.0.17763",
            "os.features": [
               "win32k"
            ],
            "variant": "v2",
            "features": [
               "sse4"
            ]
         }
      },
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 8,
         "digest": "sha256:d351b5d3df9a11dca3c9933c4a58e367c27d1b282dee4e74653e8a10680b0b53",
         "platform": {
            "architecture": "",
            "os": ""
         }
      }
   ]
}`

func TestDockerStyleWritesEveryMember(t *testing.T) {
	got, err := manifest.DockerStyle().EncodeIndex(manifest.Index{
		SchemaVersion: 2,
		MediaType:     manifest.MediaTypeDockerList,
		Manifests: []manifest.Descriptor{{
			MediaType: manifest.MediaTypeDockerManifest, Size: 7, Digest: digestA,
			URLs:        []string{"https://example.com/?a=1&b=2"},
			Annotations: map[string]string{"b": "2", "a": "<1>"},
			Platform: &manifest.Platform{Architecture: "amd64", OS: "windows", OSVersion: "10.0.17763",
				OSFeatures: []string{"win32k"}, Variant: "v2", Features: []string{"sse4"}},
		}, {
			MediaType: manifest.MediaTypeDockerManifest, Size: 8, Digest: digestB,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dockerEverything, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// ociEverything is an index as buildx writes it, with unknown members at each level.
const ociEverything = `{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "artifactType": "application/x",
  "manifests": [
    {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed",
      "size": 0,
      "urls": [
        "https://example.com"
      ],
      "annotations": {
        "k": "v"
      },
      "data": "e30=",
      "platform": {
        "architecture": "arm64",
        "os": "linux",
        "x-platform": [
          1,
          2.50
        ]
      },
      "artifactType": "application/y",
      "x-descriptor": {
        "deep": null
      }
    }
  ],
  "subject": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    "size": 5
  },
  "annotations": {
    "org.opencontainers.image.created": "2026-01-01T00:00:00Z"
  },
  "x-index": 1e3
}`

func TestOCIStyleRoundTrip(t *testing.T) {
	m, err := manifest.Parse("application/octet-stream", []byte(ociEverything))
	if err != nil {
		t.Fatal(err)
	}
	ix, err := m.Index()
	if err != nil {
		t.Fatal(err)
	}
	got, err := manifest.OCIStyle().EncodeIndex(ix)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ociEverything, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const ociImage = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/z",` +
	`"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="},` +
	`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed","size":3}],` +
	`"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:d351b5d3df9a11dca3c9933c4a58e367c27d1b282dee4e74653e8a10680b0b53","size":5},` +
	`"annotations":{"A":"1","a":"2"},"x":true}`

func TestImageRoundTrip(t *testing.T) {
	m, err := manifest.Parse("", []byte(ociImage))
	if err != nil {
		t.Fatal(err)
	}
	im, err := m.Image()
	if err != nil {
		t.Fatal(err)
	}
	got, err := manifest.Style{}.EncodeImage(im)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ociImage, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	refs, _ := m.References()
	if len(refs) != 2 || string(refs[0].Data) != "{}" || refs[1].Digest != digestA {
		t.Errorf("got references %+v", refs)
	}
	d, err := m.ReferrerDescriptor()
	if err != nil || d.Digest != m.Digest || d.ArtifactType != "application/z" || d.Annotations["a"] != "2" {
		t.Errorf("got referrer %+v, error %v", d, err)
	}
	if s, err := m.Subject(); err != nil || s == nil || s.Digest != digestB {
		t.Errorf("got subject %v, error %v", s, err)
	}
}

func TestParseFindsTheKind(t *testing.T) {
	list := string(seedFile(t, "halo-1.6.official.manifest-list.json"))
	for _, c := range []struct{ name, contentType, raw, want string }{
		{"in both", manifest.MediaTypeDockerList, list, manifest.MediaTypeDockerList},
		{"parameters", manifest.MediaTypeDockerList + "; charset=utf-8", list, manifest.MediaTypeDockerList},
		{"octet-stream", "application/octet-stream", list, manifest.MediaTypeDockerList},
		{"the document overrides the header", manifest.MediaTypeOCIIndex, list, manifest.MediaTypeDockerList},
		{"only the header", manifest.MediaTypeDockerList, `{"schemaVersion":2,"manifests":[]}`,
			manifest.MediaTypeDockerList},
		{"index by members", "text/plain", `{"schemaVersion":2,"manifests":[]}`, manifest.MediaTypeOCIIndex},
		{"image by members", "", `{"schemaVersion":2,"layers":[]}`, manifest.MediaTypeOCIManifest},
		{"old artifact", "", `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobs":[]}`,
			manifest.MediaTypeOCIArtifact},
		{"an image without content that says so", "", `{"mediaType":"` + manifest.MediaTypeOCIManifest + `"}`,
			manifest.MediaTypeOCIManifest},
		{"an index without content that says so", "", `{"mediaType":"` + manifest.MediaTypeOCIIndex + `"}`,
			manifest.MediaTypeOCIIndex},
	} {
		m, err := manifest.Parse(c.contentType, []byte(c.raw))
		if err != nil || m.MediaType != c.want {
			t.Errorf("%s: got %q, error %v", c.name, m.MediaType, err)
		}
		if m.Digest != blob.FromBytes([]byte(c.raw)) && err == nil || m.Size != int64(len(c.raw)) {
			t.Errorf("%s: got digest %s, size %d", c.name, m.Digest, m.Size)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	entry := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + string(digestA) + `","size":1%s}`
	for _, c := range []struct {
		name, contentType, raw string
		is                     error
		says                   string
	}{
		{name: "nothing", raw: ``, says: "JSON"},
		{name: "HTML", contentType: "text/html", raw: `<html>login</html>`, says: "JSON"},
		{name: "an array", raw: `[]`, says: "belongs"},
		{name: "null", raw: `null`, says: "belongs"},
		{name: "cut", raw: `{"schemaVersion":2,"manifests":[`, says: "JSON"},
		{name: "two documents", raw: `{"manifests":[]}{}`, says: "after the document"},
		{name: "some other object", raw: `{"errors":[]}`, says: "no image"},
		{name: "a config", raw: `{"architecture":"amd64","os":"linux"}`, says: "no image"},
		{name: "only called an image", contentType: manifest.MediaTypeOCIManifest, raw: `{"a":1}`, says: "no image"},
		{name: "list and image", raw: `{"manifests":[],"layers":[]}`, is: manifest.ErrAmbiguous},
		{name: "list and config", raw: `{"manifests":[],"config":{}}`, is: manifest.ErrAmbiguous},
		{name: "called a list in the header", contentType: manifest.MediaTypeOCIIndex,
			raw: `{"layers":[]}`, is: manifest.ErrContentType},
		{name: "called an image in the document",
			raw: `{"mediaType":"` + manifest.MediaTypeOCIManifest + `","manifests":[]}`, is: manifest.ErrAmbiguous},
		{name: "list and blobs", raw: `{"manifests":[],"blobs":[]}`, is: manifest.ErrAmbiguous},
		{name: "a list that is sent as an image", contentType: manifest.MediaTypeOCIManifest,
			raw: `{"mediaType":"` + manifest.MediaTypeOCIIndex + `","manifests":[]}`, is: manifest.ErrContentType},
		{name: "an image that is sent as a list", contentType: manifest.MediaTypeDockerList,
			raw: `{"mediaType":"` + manifest.MediaTypeOCIManifest + `","layers":[]}`, is: manifest.ErrContentType},
		{name: "another media type", raw: `{"mediaType":"application/json","layers":[]}`, says: "no manifest's"},
		{name: "schema 1 in the document",
			raw: `{"mediaType":"application/vnd.docker.distribution.manifest.v1+json"}`, is: manifest.ErrSchema1},
		{name: "schema 1", raw: `{"schemaVersion":1,"fsLayers":[]}`, is: manifest.ErrSchema1},
		{name: "schema 1 in the header", contentType: "application/vnd.docker.distribution.manifest.v1+prettyjws",
			raw: `{}`, is: manifest.ErrSchema1},
		{name: "sent as schema 1", contentType: "application/vnd.docker.distribution.manifest.v1+prettyjws",
			raw: `{"schemaVersion":2,"layers":[]}`, is: manifest.ErrContentType},
		{name: "repeated name", raw: `{"manifests":[],"manifests":[]}`, says: "twice"},
		{name: "repeated name in annotations", raw: `{"manifests":[],"annotations":{"a":"1","a":"2"}}`, says: "twice"},
		{name: "case", raw: `{"schemaVersion":2,"Manifests":[]}`, says: "only in case"},
		{name: "case in an entry",
			raw: `{"manifests":[` + fmt.Sprintf(entry, `,"Digest":"x"`) + `]}`, says: "only in case"},
		{name: "case in a platform",
			raw: `{"manifests":[` + fmt.Sprintf(entry, `,"platform":{"OS":"linux"}`) + `]}`, says: "only in case"},
		{name: "no digest", raw: `{"manifests":[{}]}`, says: "invalid digest"},
		{name: "null entry", raw: `{"manifests":[null]}`, says: "belongs"},
		{name: "bad digest", raw: `{"layers":[{"digest":"sha256:../../etc","size":1}]}`, says: "invalid digest"},
		{name: "bad digest of the subject",
			raw:  `{"layers":[],"subject":{"digest":"sha256:/../../victim/manifests/latest","size":1}}`,
			says: "invalid digest"},
		{name: "bad digest of an index's subject",
			raw: `{"manifests":[],"subject":{"digest":"x:y","size":1}}`, says: "invalid digest"},
		{name: "negative size of the subject",
			raw: `{"layers":[],"subject":{"digest":"` + string(digestA) + `","size":-1}}`, says: "size"},
		{name: "a subject that is no object", raw: `{"layers":[],"subject":7}`, says: "subject"},
		{name: "case in the subject", raw: `{"layers":[],"Subject":null}`, says: "only in case"},
		{name: "case in Unicode", raw: `{"manife\u017fts":[]}`, says: "only in case"},
		{name: "repeated name with an escape", raw: `{"manifests":[],"\u006danifests":[]}`, says: "twice"},
		{name: "repeated name in a nested array", raw: `{"manifests":[],"x":[[{"a":1,"a":2}]]}`, says: "twice"},
		{name: "invalid UTF-8 in a digest",
			raw: "{\"layers\":[{\"digest\":\"sha256:\xff\",\"size\":1}]}", says: "invalid digest"},
		{name: "a size that overflows int64",
			raw: `{"layers":[{"digest":"` + string(digestA) + `","size":9223372036854775808}]}`, says: "size"},
		{name: "a size with a fraction",
			raw: `{"layers":[{"digest":"` + string(digestA) + `","size":1.5}]}`, says: "size"},
		{name: "a version that overflows int", raw: `{"schemaVersion":1e400,"layers":[]}`, says: "schemaVersion"},
		{name: "data that is not base64",
			raw: `{"layers":[{"digest":"` + string(digestA) + `","size":1,"data":"*"}]}`, says: "data"},
		{name: "an object for a list", raw: `{"manifests":{}}`, says: "manifests"},
		{name: "negative size", raw: `{"layers":[{"digest":"` + string(digestA) + `","size":-1}]}`, says: "size"},
		{name: "size of another type",
			raw: `{"layers":[{"digest":"` + string(digestA) + `","size":"1"}]}`, says: "size"},
		{name: "deep",
			raw: `{"manifests":[],"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, says: "deep"},
		{name: "large",
			raw:  `{"manifests":[]` + strings.Repeat(" ", manifest.MaxSize) + `}`,
			says: "the manifest is larger than 4 MiB", is: manifest.ErrTooLarge},
	} {
		_, err := manifest.Parse(c.contentType, []byte(c.raw))
		var doc *manifest.DocumentError
		switch {
		case !errors.As(err, &doc):
			t.Errorf("%s: got error %v, want a DocumentError", c.name, err)
		case c.is != nil && !errors.Is(err, c.is):
			t.Errorf("%s: got error %q, want %q", c.name, err, c.is)
		case !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: error %q does not say %q", c.name, err, c.says)
		}
	}
}

// buildxIndex returns an index of two images, each with an attestation.
func buildxIndex(t *testing.T) manifest.Manifest {
	t.Helper()
	attest := func(of blob.Digest) map[string]string {
		return map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(of),
		}
	}
	entry := func(d blob.Digest, size int64, p manifest.Platform, annotations map[string]string) manifest.Descriptor {
		return manifest.Descriptor{
			MediaType: manifest.MediaTypeOCIManifest, Digest: d, Size: size, Platform: &p, Annotations: annotations,
		}
	}
	unknown := manifest.Platform{OS: "unknown", Architecture: "unknown"}
	ix := manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex, Manifests: []manifest.Descriptor{
		entry(digestA, 1, manifest.Platform{OS: "linux", Architecture: "amd64"}, nil),
		entry(digestB, 2, manifest.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, nil),
		entry(digestC, 3, unknown, attest(digestA)),
		entry(blob.FromBytes(nil), 4, unknown, attest(digestB)),
	}}
	raw, err := manifest.OCIStyle().EncodeIndex(ix)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("", raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseAcceptsNullMembers(t *testing.T) {
	for _, raw := range []string{
		`{"schemaVersion":null,"mediaType":null,"manifests":null,"subject":null,"annotations":null}`,
		`{"config":null,"layers":null,"artifactType":null,"blobs":null,"subject":null}`,
		`{"layers":[{"digest":"` + string(digestA) + `","size":1,"urls":null,"data":null,"platform":null,"annotations":{"a":null}}],"x":null}`,
	} {
		m, err := manifest.Parse("", []byte(raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if subject, err := m.Subject(); err != nil || subject != nil {
			t.Errorf("%s: subject %v, error %v", raw, subject, err)
		}
	}
}

func TestViewOfTheWrongKindIsAnError(t *testing.T) {
	if _, err := buildxIndex(t).Image(); err == nil || !strings.Contains(err.Error(), "is an index") {
		t.Errorf("an index as an image: got error %v", err)
	}
	m, err := manifest.Parse("", []byte(ociImage))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Index(); err == nil || !strings.Contains(err.Error(), "is no index") {
		t.Errorf("an image as an index: got error %v", err)
	}
	for name, err := range map[string]error{
		"Keep":   second(m.Keep(func(manifest.Descriptor) bool { return true })),
		"Subset": second(m.Subset()),
	} {
		if err == nil {
			t.Errorf("%s of an image: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestReferrer(t *testing.T) {
	m, err := manifest.Parse("", []byte(ociEverything))
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.ReferrerDescriptor()
	want := manifest.Descriptor{
		MediaType: manifest.MediaTypeOCIIndex, Digest: m.Digest, Size: m.Size, ArtifactType: "application/x",
		Annotations: map[string]string{"org.opencontainers.image.created": "2026-01-01T00:00:00Z"},
	}
	if diff := cmp.Diff(want, d); err != nil || diff != "" {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	// Without an artifact type an image has its config's media type.
	m, err = manifest.Parse("", []byte(strings.Replace(ociImage, `"artifactType":"application/z",`, "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if d, err = m.ReferrerDescriptor(); err != nil || d.ArtifactType != manifest.MediaTypeOCIEmpty {
		t.Errorf("got %+v, error %v", d, err)
	}
}

func TestSubsetKeepsAttestations(t *testing.T) {
	m := buildxIndex(t)
	if all, err := m.Subset(); err != nil || all.Digest != m.Digest {
		t.Errorf("no platforms: got %s, error %v", all.Digest, err)
	}
	for platform, digest := range map[string]blob.Digest{"linux/amd64": digestA, "linux/aarch64": digestB} {
		p, err := manifest.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Subset(p)
		if err != nil {
			t.Fatal(err)
		}
		ix, _ := got.Index()
		entries := ix.Manifests
		if len(entries) != 2 || entries[0].Digest != digest || entries[1].AttestationFor() != digest {
			t.Errorf("%s: got %+v", platform, entries)
		}
	}
}

func TestPlatformErrorListsTheOtherPlatforms(t *testing.T) {
	linux := func(arch string) manifest.Platform { return manifest.Platform{OS: "linux", Architecture: arch} }
	_, err := buildxIndex(t).Subset(linux("amd64"), linux("s390x"))
	var missing *manifest.PlatformError
	const have = "linux/amd64, linux/arm64/v8"
	if !errors.As(err, &missing) || len(missing.Have) != 2 || !strings.Contains(err.Error(), have) {
		t.Errorf("got error %v", err)
	}
}

// The index lists one image for two platforms.
func TestSubsetGoesByEntryNotByDigest(t *testing.T) {
	entry := func(variant string) manifest.Descriptor {
		return manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: digestA, Size: 1,
			Platform: &manifest.Platform{OS: "linux", Architecture: "arm", Variant: variant}}
	}
	nested := manifest.Descriptor{MediaType: manifest.MediaTypeOCIIndex, Digest: digestB, Size: 1}
	raw, err := manifest.Style{}.EncodeIndex(manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex,
		Manifests: []manifest.Descriptor{entry("v6"), entry("v7"), nested}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("", raw)
	if err != nil {
		t.Fatal(err)
	}
	v7, _ := manifest.ParsePlatform("linux/arm/v7")
	got, err := m.Subset(v7)
	if err != nil {
		t.Fatal(err)
	}
	ix, _ := got.Index()
	if len(ix.Manifests) != 2 || ix.Manifests[0].Platform.Variant != "v7" || ix.Manifests[1].Digest != digestB {
		t.Errorf("got %+v, want v7 and the nested index", ix.Manifests)
	}
}

func TestSubsetOfAnEmptyIndex(t *testing.T) {
	m, err := manifest.Parse("", []byte(`{"schemaVersion":2,"manifests":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	amd64, _ := manifest.ParsePlatform("linux/amd64")
	const want = "no image for platform linux/amd64; no entry says what it is for"
	if _, err := m.Subset(amd64); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if same, err := m.Subset(); err != nil || same.Digest != m.Digest {
		t.Errorf("no platforms: error %v", err)
	}
}

func TestImageSize(t *testing.T) {
	im := manifest.Image{
		Config: &manifest.Descriptor{Size: 1},
		Layers: []manifest.Descriptor{{Size: 2}}, Blobs: []manifest.Descriptor{{Size: 4}},
	}
	if im.Size() != 7 {
		t.Errorf("got %d, want 7", im.Size())
	}
	im.Layers = append(im.Layers, manifest.Descriptor{Size: math.MaxInt64 - 3}, manifest.Descriptor{Size: 4})
	if im.Size() != math.MaxInt64 {
		t.Errorf("overflow: got %d, want math.MaxInt64", im.Size())
	}
}

func TestDistributable(t *testing.T) {
	for mediaType, want := range map[string]bool{
		manifest.MediaTypeOCILayer:           true,
		manifest.MediaTypeDockerLayer:        true,
		"":                                   true,
		manifest.MediaTypeDockerForeignLayer: false,
		"application/vnd.docker.image.rootfs.foreign.diff.tar":         false,
		"application/vnd.oci.image.layer.nondistributable.v1.tar":      false,
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": false,
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": false,
	} {
		if got := (manifest.Descriptor{MediaType: mediaType}).Distributable(); got != want {
			t.Errorf("%q: got %v", mediaType, got)
		}
	}
}

func TestDescriptorJSON(t *testing.T) {
	const raw = `{"mediaType":"a/b","digest":"` + string(digestA) + `","size":3,"platform":{"architecture":"arm64","os":"linux","variant":"v8"},"x":[1, 2]}`
	var d manifest.Descriptor
	if err := json.Unmarshal([]byte(raw), &d); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(d)
	if want := strings.Replace(raw, "[1, 2]", "[1,2]", 1); err != nil || string(got) != want {
		t.Errorf("got  %s, error %v\nwant %s", got, err, want)
	}
}

func TestDockerStyleWritesAnImage(t *testing.T) {
	const want = `{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": 7,
      "digest": "sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed"
   },
   "layers": []
}`
	got, err := manifest.DockerStyle().EncodeImage(manifest.Image{
		SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest,
		Config: &manifest.Descriptor{MediaType: manifest.MediaTypeDockerConfig, Size: 7, Digest: digestA},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// docker's struct does not have artifactType.
func TestDockerStyleWritesArtifactTypeLast(t *testing.T) {
	got, err := manifest.Style{Docker: true}.EncodeIndex(manifest.Index{
		SchemaVersion: 2, MediaType: manifest.MediaTypeDockerList, ArtifactType: "a/b",
	})
	want := `{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeDockerList + `","manifests":[],"artifactType":"a/b"}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, error %v\nwant %s", got, err, want)
	}
}

func TestKeepChangesNothingElse(t *testing.T) {
	m := buildxIndex(t)
	same, err := m.Keep(func(manifest.Descriptor) bool { return true })
	if err != nil || same.Digest != m.Digest {
		t.Errorf("all kept: digest %s, want %s, error %v", same.Digest, m.Digest, err)
	}
	got, err := m.Keep(func(d manifest.Descriptor) bool { return d.Digest == digestB || d.AttestationFor() == digestB })
	if err != nil {
		t.Fatal(err)
	}
	ix, _ := m.Index()
	ix.Manifests = []manifest.Descriptor{ix.Manifests[1], ix.Manifests[3]}
	want, _ := manifest.OCIStyle().EncodeIndex(ix)
	if diff := cmp.Diff(string(want), string(got.Raw)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	descriptor := manifest.Descriptor{
		MediaType: manifest.MediaTypeOCIIndex, Digest: blob.FromBytes(want), Size: int64(len(want)),
	}
	if diff := cmp.Diff(descriptor, got.Descriptor); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := m.Keep(func(manifest.Descriptor) bool { return false }); err == nil {
		t.Error("none kept: no error")
	}
}

func TestKeepWithUnusualWhitespace(t *testing.T) {
	const entry = `{"digest":"sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed","size":1}`
	const other = `{"size":2, "digest":"sha256:d351b5d3df9a11dca3c9933c4a58e367c27d1b282dee4e74653e8a10680b0b53", "unknown":[{}]}`
	raw := "{ \"x\": {\"manifests\":[1]},\n\t\"manifests\" :[ " + entry + "\t,\n" + other + " ] ,\"y\":null}\n"
	m, err := manifest.Parse("", []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Keep(func(d manifest.Descriptor) bool { return d.Digest == digestB })
	if err != nil {
		t.Fatal(err)
	}
	want := "{ \"x\": {\"manifests\":[1]},\n\t\"manifests\" :[ " + other + " ] ,\"y\":null}\n"
	if string(got.Raw) != want {
		t.Errorf("got  %q\nwant %q", got.Raw, want)
	}
}

func TestConfigRoundTrip(t *testing.T) {
	const raw = `{"created":"2026-01-01T00:00:00Z","architecture":"arm","os":"linux","variant":"v7","rootfs":{"type":"layers","diff_ids":["` +
		string(digestA) + `"]},"config":{"Cmd":["sh"]},"history":[]}`
	c, err := manifest.ParseConfig([]byte(raw))
	if err != nil || c.Platform.String() != "linux/arm/v7" || len(c.RootFS.DiffIDs) != 1 {
		t.Fatalf("got %+v, error %v", c, err)
	}
	got, err := json.Marshal(c)
	if err != nil || string(got) != raw {
		t.Errorf("got %s, error %v", got, err)
	}
	for _, bad := range []string{``, `[]`, `{"os":1}`, `{"OS":"linux"}`, `{"os":"a","os":"b"}`, `{"rootfs":[]}`,
		`{"rootfs":{"diff_ids":[],"Diff_IDs":[]}}`, `{"rootfs":{"type":"a","type":"b"}}`} {
		_, err := manifest.ParseConfig([]byte(bad))
		var config *manifest.ConfigError
		if !errors.As(err, &config) || config.Digest != blob.FromBytes([]byte(bad)) {
			t.Errorf("%q: got error %v", bad, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), "config "+config.Digest.Short()+": ") {
			t.Errorf("%q: error %q does not name the config", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("", seedFile(f, "halo-1.6.official.manifest-list.json"))
	f.Add(manifest.MediaTypeOCIIndex, []byte(ociEverything))
	f.Add(manifest.MediaTypeOCIManifest+";a=b", []byte(ociImage))
	f.Add("", []byte(`{"manifests":[null],"layers":{}}`))
	f.Fuzz(func(t *testing.T, contentType string, raw []byte) {
		m, err := manifest.Parse(contentType, raw)
		if err != nil {
			return
		}
		if string(m.Raw) != string(raw) || m.Digest != blob.FromBytes(raw) {
			t.Error("the bytes have changed")
		}
		if _, err := m.Subject(); err != nil {
			t.Errorf("parsed, but has no subject: %v", err)
		}
		ix, err := m.Index()
		if err != nil || len(ix.Manifests) < 2 {
			return
		}
		last := ix.Manifests[len(ix.Manifests)-1].Digest
		kept, err := m.Keep(func(d manifest.Descriptor) bool { return d.Digest == last })
		if err != nil {
			t.Fatalf("one entry of %d cannot be kept: %v", len(ix.Manifests), err)
		}
		if _, err := manifest.Parse(m.MediaType, kept.Raw); err != nil {
			t.Errorf("what is kept does not parse: %v", err)
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"architecture":"arm","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := manifest.ParseConfig(raw); err == nil {
			if _, err := json.Marshal(c); err != nil {
				t.Error(err)
			}
		}
	})
}
