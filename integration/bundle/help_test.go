// Package bundle holds what the layout package writes against the tools that are to read it, and the other way round.
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

// named is an image under a name.
type named struct {
	name string
	fixture.Image
}

// contents are what a bundle of the images is made of, and open opens their blobs.
func contents(t testing.TB, images ...named) (c layout.Contents, open func(manifest.Descriptor) blob.Open) {
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

// write makes a bundle of images, on a base if that is not nil, and returns its path.
func write(t testing.TB, base *layout.Inventory, images ...named) string {
	t.Helper()
	c, open := contents(t, images...)
	c.Base = base
	path := filepath.Join(t.TempDir(), "bundle.tar")
	b, err := layout.Create(path, c, layout.Files{})
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

// read opens an archive and verifies it.
func read(t testing.TB, path string) *layout.Archive {
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

// config is the digest of the config of im for linux/amd64, by which docker and podman tell images apart.
func config(t testing.TB, im fixture.Image) string {
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

// The images that most tests carry: Docker's types, OCI's with attestations, and another of one platform.
func images() (halo, oci, tool named) {
	synthetic := fixture.Synthetic(fixture.Spec{Seed: 1, Layers: []int64{20_000}})
	return named{"hczjl/halo:1.6", fixture.Real()}, named{"registry.example:5000/halo:oci", fixture.Real().OCI()}, named{"tool:2", synthetic}
}

// sbom is an artifact about im, saved by its digest.
func sbom(im named) named {
	r := fixture.Referrer(im.Root().Descriptor, "application/vnd.example.sbom", "sbom")
	return named{"hczjl/halo@" + r.Root().Digest.String(), r}
}
