// Package bundle tests what package layout writes with the tools that read it, and reads what they
// write.
package bundle

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/manifest"
)

// namedImage is an image with its name.
type namedImage struct {
	name string
	fixture.Image
}

// bundleContents returns the contents of a bundle of images, and a function that opens their blobs.
func bundleContents(t testing.TB, images ...namedImage) (c layout.BundleContents, open func(manifest.Descriptor) blob.Open) {
	t.Helper()
	blobs := map[blob.Digest]fixture.Blob{}
	for _, im := range images {
		for _, m := range im.Manifests {
			parsed, err := manifest.Parse(m.MediaType, m.Raw)
			if err != nil {
				t.Fatal(err)
			}
			c.Manifests = append(c.Manifests, parsed)
		}
		for _, b := range im.Blobs {
			blobs[blob.Digest(b.Digest)] = b
			c.Blobs = append(c.Blobs, describe(b.Descriptor))
		}
		c.Images = append(c.Images, layout.Image{Name: im.name, Descriptor: describe(im.Root().Descriptor)})
	}
	return c, func(d manifest.Descriptor) blob.Open {
		return func(_ context.Context, offset int64) (io.ReadCloser, error) {
			r := blobs[d.Digest].Open()
			_, err := io.CopyN(io.Discard, r, offset)
			return r, err
		}
	}
}

func describe(d v1.Descriptor) manifest.Descriptor {
	return manifest.Descriptor{MediaType: d.MediaType, Digest: blob.Digest(d.Digest), Size: d.Size}
}

// writeBundle writes a bundle of images, with a base unless it is nil, and returns its path.
func writeBundle(t testing.TB, base *layout.Inventory, images ...namedImage) string {
	t.Helper()
	c, open := bundleContents(t, images...)
	c.Base = base
	path := filepath.Join(t.TempDir(), "bundle.tar")
	b, err := layout.CreateBundle(path, c, layout.BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	for _, d := range c.Blobs {
		if _, err := b.PutBlob(t.Context(), d, open(d)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return path
}

// openBundle opens and verifies a bundle.
func openBundle(t testing.TB, path string) *layout.Archive {
	t.Helper()
	a, err := layout.OpenArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	err = a.Verify(t.Context(), func(c layout.Check) {
		if c.Err != nil {
			t.Errorf("%s: %s: %v", path, c.What, c.Err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	return a
}

// configDigest returns the digest of im's config for linux/amd64, which docker and podman use as
// the image's ID.
func configDigest(t testing.TB, im fixture.Image) string {
	t.Helper()
	m := im.Only("linux/amd64").Root()
	parsed, err := manifest.Parse(m.MediaType, m.Raw)
	if err != nil {
		t.Fatal(err)
	}
	document, err := parsed.Image()
	if err != nil {
		t.Fatal(err)
	}
	return string(document.Config.Digest)
}

// testImages returns a multi-platform image with Docker's media types, its OCI twin with
// attestations, and a single-platform image.
func testImages() (multi, oci, tool namedImage) {
	synthetic := fixture.Synthetic(fixture.Spec{Seed: 1, Layers: []int64{20_000}})
	return namedImage{"dst/repo:1.6", fixture.Real()},
		namedImage{"registry.example:5000/repo:oci", fixture.Real().OCI()}, namedImage{"tool:2", synthetic}
}

// newSBOM returns an artifact with im as its subject, named by its digest.
func newSBOM(im namedImage) namedImage {
	r := fixture.Referrer(im.Root().Descriptor, "application/vnd.example.sbom", "sbom")
	return namedImage{"dst/repo@" + r.Root().Digest.String(), r}
}
