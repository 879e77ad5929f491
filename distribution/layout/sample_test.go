package layout

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// sample is the contents of a bundle, with the bytes of the blobs.
type sample struct {
	BundleContents
	bytes map[blob.Digest][]byte
}

func newSample() *sample { return &sample{bytes: map[blob.Digest][]byte{}} }

func (s *sample) blob(mediaType, content string) manifest.Descriptor {
	return s.blobWith(blob.SHA256, mediaType, content)
}

func (s *sample) blobWith(a blob.Algorithm, mediaType, content string) manifest.Descriptor {
	d := manifest.Descriptor{MediaType: mediaType, Size: int64(len(content)), Digest: a.Digest([]byte(content))}
	s.Blobs = append(s.Blobs, d)
	s.bytes[d.Digest] = []byte(content)
	return d
}

// image adds the manifest of an image with layers of these contents.
func (s *sample) image(t testing.TB, platform string, layers ...string) manifest.Manifest {
	t.Helper()
	p, err := manifest.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	var diffIDs []string
	var descriptors []manifest.Descriptor
	for _, l := range layers {
		d := s.blob("application/vnd.oci.image.layer.v1.tar", l)
		descriptors, diffIDs = append(descriptors, d), append(diffIDs, string(d.Digest))
	}
	config := fmt.Sprintf(`{"architecture":%q,"os":%q,"rootfs":{"type":"layers","diff_ids":["%s"]}}`,
		p.Architecture, p.OS, strings.Join(diffIDs, `","`))
	m := s.layers(t, s.blob(manifest.MediaTypeOCIConfig, config), descriptors...)
	m.Platform = &p
	return m
}

// layers adds the manifest of a config and layers.
func (s *sample) layers(t testing.TB, config manifest.Descriptor, layers ...manifest.Descriptor) manifest.Manifest {
	t.Helper()
	return s.manifest(t, manifest.MediaTypeOCIManifest, map[string]any{
		"config": config, "layers": append([]manifest.Descriptor{}, layers...),
	})
}

// index adds an index of manifests.
func (s *sample) index(t testing.TB, children ...manifest.Manifest) manifest.Manifest {
	t.Helper()
	var entries []manifest.Descriptor
	for _, m := range children {
		entries = append(entries, m.Descriptor)
	}
	return s.manifest(t, manifest.MediaTypeOCIIndex, map[string]any{"manifests": entries})
}

// artifact adds a manifest that is no container image, with a subject if that is not nil.
func (s *sample) artifact(t testing.TB, content string, subject *manifest.Descriptor) manifest.Manifest {
	t.Helper()
	members := map[string]any{
		"artifactType": "application/x",
		"config":       s.blob(manifest.MediaTypeOCIEmpty, "{}"),
		"layers":       []manifest.Descriptor{s.blob("text/plain", content)},
		"subject":      subject,
	}
	return s.manifest(t, manifest.MediaTypeOCIManifest, members)
}

func (s *sample) manifest(t testing.TB, mediaType string, members map[string]any) manifest.Manifest {
	t.Helper()
	m := encodeManifest(t, mediaType, members)
	s.Manifests = append(s.Manifests, m)
	return m
}

func (s *sample) addImage(name string, m manifest.Manifest) {
	s.Images = append(s.Images, Image{name, m.Descriptor})
}

// open returns an Open for a blob of the sample.
func (s *sample) open(d manifest.Descriptor) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		content, found := s.bytes[d.Digest]
		if !found {
			return nil, fmt.Errorf("%s is no blob of the sample", d.Digest)
		}
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
}

// threeImages returns an index of three platforms with two tags, an image of one platform, and a
// signature of the index.
func threeImages(t testing.TB) *sample {
	t.Helper()
	s := newSample()
	base := strings.Repeat("base ", 1000)
	arm := s.image(t, "linux/arm64", base, "arm")
	amd := s.image(t, "linux/amd64", base, "amd")
	v7 := s.image(t, "linux/arm/v7", base, "v7")
	halo := s.index(t, arm, amd, v7)
	s.addImage("hczjl/halo:1.6", halo)
	s.addImage("hczjl/halo:latest", halo)
	s.addImage("registry.example:5000/tool:2", s.image(t, "linux/amd64", base, "tool"))
	signature := s.artifact(t, "signature", &halo.Descriptor)
	s.addImage("hczjl/halo@"+string(signature.Digest), signature)
	return s
}

// writeSplit writes a bundle with its blobs in that order, and returns its inventory.
func (s *sample) writeSplit(t testing.TB, path string, volumeSize int64, order []manifest.Descriptor) Inventory {
	t.Helper()
	return s.writeFiles(t, path, BundleFiles{VolumeSize: volumeSize}, order)
}

func (s *sample) writeFiles(t testing.TB, path string, files BundleFiles, order []manifest.Descriptor) Inventory {
	t.Helper()
	b, err := CreateBundle(path, s.BundleContents, files)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	for _, d := range order {
		if _, err := b.PutBlob(t.Context(), d, s.open(d)); err != nil {
			t.Fatal(err)
		}
	}
	in, err := b.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// bundle writes a bundle into a temporary folder.
func (s *sample) bundle(t testing.TB) (path string, in Inventory) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "b.tar")
	return path, s.writeSplit(t, path, 0, s.Blobs)
}

func openArchive(t testing.TB, path string) *Archive {
	t.Helper()
	a, err := OpenArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reversed returns the elements in reverse order.
func reversed[T any](in []T) []T {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}

// problems returns the checks of verify that found a problem.
func problems(t testing.TB, verify func(context.Context, func(Check)) error) []Check {
	t.Helper()
	var out []Check
	if err := verify(t.Context(), func(c Check) {
		if c.Err != nil {
			out = append(out, c)
		}
	}); err != nil {
		t.Error(err)
	}
	return out
}

// openerFor returns an Open for a blob of an archive.
func openerFor(a *Archive, d manifest.Descriptor) blob.Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) { return a.Blob(ctx, d, offset) }
}
