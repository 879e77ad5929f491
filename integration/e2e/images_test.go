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

// encodeManifest is a document as a manifest of some media type.
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

// decode reads a document of a fixture or a registry.
func decode[T any](t testing.TB, raw []byte) T {
	t.Helper()
	var doc T
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return doc
}

// nestedIndex is an index whose entries are the roots of other images.
func nestedIndex(t testing.TB, images ...fixture.Image) fixture.Image {
	t.Helper()
	var all fixture.Image
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for _, im := range images {
		index.Manifests = append(index.Manifests, im.Root().Descriptor)
		for _, m := range im.Manifests {
			if !slices.ContainsFunc(all.Manifests, func(have fixture.Manifest) bool { return have.Digest == m.Digest }) {
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

// withSHA512 is a single image whose config and layers are named by SHA-512.
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

// withForeignLayer is a single image with one more layer, a foreign one as Windows images have them: it is at a URL, and no
// registry has it.
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

// keepEntries is the index im.Root with only the entries that keep wants, everything else as it was, to the byte.
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

// usedBlobs are the blobs that the images of im refer to.
func usedBlobs(t testing.TB, im fixture.Image) []fixture.Blob {
	t.Helper()
	var blobs []fixture.Blob
	for _, b := range im.Blobs {
		if slices.ContainsFunc(im.Manifests, func(m fixture.Manifest) bool { return bytes.Contains(m.Raw, []byte(b.Digest)) }) {
			blobs = append(blobs, b)
		}
	}
	return blobs
}
