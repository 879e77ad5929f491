package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
)

// encodeManifest encodes a document as a manifest of a media type.
func encodeManifest(t testing.TB, mediaType string, doc any) fixture.Manifest {
	t.Helper()
	raw, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return manifestOf(mediaType, raw)
}

func manifestOf(mediaType string, raw []byte) fixture.Manifest {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	return fixture.Manifest{Descriptor: d, Raw: raw}
}

// decode parses a document of a fixture or a registry.
func decode[T any](t testing.TB, raw []byte) T {
	t.Helper()
	var doc T
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return doc
}

// nestedIndex returns an index whose entries are the roots of other images.
func nestedIndex(t testing.TB, images ...fixture.Image) fixture.Image {
	t.Helper()
	var all fixture.Image
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for _, im := range images {
		index.Manifests = append(index.Manifests, im.Root().Descriptor)
		for _, m := range im.Manifests {
			if !slices.ContainsFunc(all.Manifests,
				func(have fixture.Manifest) bool { return have.Digest == m.Digest }) {
				all.Manifests = append(all.Manifests, m)
			}
		}
		for _, b := range im.Blobs {
			if _, have := all.Blob(b.Digest); !have {
				all.Blobs = append(all.Blobs, b)
			}
		}
	}
	all.Manifests = append(all.Manifests, encodeManifest(t, v1.MediaTypeImageIndex, index))
	return all
}

// withSHA512 returns a single image with SHA-512 digests for its config and layers.
func withSHA512(t testing.TB, im fixture.Image) fixture.Image {
	t.Helper()
	doc := decode[v1.Manifest](t, im.Root().Raw)
	var out fixture.Image
	rename := func(d v1.Descriptor) v1.Descriptor {
		b, _ := im.Blob(d.Digest)
		d.Digest = digest.SHA512.FromBytes(readBlob(t, b))
		out.Blobs = append(out.Blobs, fixture.Blob{Descriptor: d, Open: b.Open})
		return d
	}
	doc.Config = rename(doc.Config)
	for i := range doc.Layers {
		doc.Layers[i] = rename(doc.Layers[i])
	}
	out.Manifests = []fixture.Manifest{encodeManifest(t, doc.MediaType, doc)}
	return out
}

func readBlob(t testing.TB, b fixture.Blob) []byte {
	t.Helper()
	r := b.Open()
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// withForeignLayer returns a single image with an additional foreign layer, as Windows images have:
// the layer is at a URL, and in no registry.
func withForeignLayer(t testing.TB, im fixture.Image) fixture.Image {
	t.Helper()
	doc := decode[v1.Manifest](t, im.Root().Raw)
	layer := v1.Descriptor{
		MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		Digest:    digest.FromString("elsewhere"),
		Size:      9,
		URLs:      []string{"https://layers.example.com/elsewhere"},
	}
	doc.Layers = append([]v1.Descriptor{layer}, doc.Layers...)
	return fixture.Image{Manifests: []fixture.Manifest{encodeManifest(t, fixture.DockerManifest, doc)}, Blobs: im.Blobs}
}

// keepEntries returns im with only the entries that keep accepts. The list's other bytes are
// unchanged.
func keepEntries(t testing.TB, im fixture.Image, keep func(v1.Descriptor) bool) fixture.Image {
	t.Helper()
	root := im.Root()
	entries := decode[struct{ Manifests []json.RawMessage }](t, root.Raw).Manifests
	first, last := bytes.Index(root.Raw, entries[0]), entries[len(entries)-1]
	second := bytes.Index(root.Raw, entries[1])
	var kept [][]byte
	out := fixture.Image{Blobs: im.Blobs}
	for i, raw := range entries {
		if keep(decode[v1.Descriptor](t, raw)) {
			kept = append(kept, raw)
			out.Manifests = append(out.Manifests, im.Manifests[i])
		}
	}
	separator := root.Raw[first+len(entries[0]) : second]
	end := bytes.LastIndex(root.Raw, last) + len(last)
	list := slices.Concat(root.Raw[:first], bytes.Join(kept, separator), root.Raw[end:])
	out.Manifests = append(out.Manifests, manifestOf(root.MediaType, list))
	out.Blobs = usedBlobs(t, out)
	return out
}

// usedBlobs returns the blobs that the manifests of im refer to.
func usedBlobs(t testing.TB, im fixture.Image) []fixture.Blob {
	t.Helper()
	var blobs []fixture.Blob
	for _, b := range im.Blobs {
		if slices.ContainsFunc(im.Manifests,
			func(m fixture.Manifest) bool { return bytes.Contains(m.Raw, []byte(b.Digest)) }) {
			blobs = append(blobs, b)
		}
	}
	return blobs
}
