package transfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// buildCache adds an index of two blobs under tag t, as BuildKit's registry cache is.
func (r *repo) buildCache(t testing.TB) manifest.Descriptor {
	t.Helper()
	return r.addIndex(t, "t",
		r.addBlob(manifest.MediaTypeOCILayer, "layer"), r.addBlob(manifest.MediaTypeBuildKitCache, "{}"))
}

func TestBlobsOfAnIndexAreCopiedAsBlobs(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	src.buildCache(t)
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	if len(dst.blobs) != 2 || dst.count("put ") != 1 || src.count("get sha256:") != 0 {
		t.Errorf("got %d blobs, calls %q and %q", len(dst.blobs), src.log, dst.log)
	}
	c, err := new(transfer.Engine).Collect(t.Context(), src, "t")
	if err != nil || len(c.Blobs) != 2 || len(c.Manifests) != 1 {
		t.Errorf("got %d blobs, %d manifests, error %v", len(c.Blobs), len(c.Manifests), err)
	}
}

// An entry of an unknown media type is what the source has: a manifest, or else a blob.
func TestEntriesOfUnknownTypes(t *testing.T) {
	src := newRepo("src")
	image := src.addImage(t, "linux/amd64", "layer")
	image.MediaType = "application/x"
	untyped := src.addImage(t, "linux/arm64", "layer")
	untyped.MediaType = ""
	src.addIndex(t, "t", image, untyped, src.addBlob("text/spdx", "sbom"))
	for name, copied := range map[string]func(*repo) error{
		"Copy":    func(dst *repo) error { return copyImage(t, src, dst, "t") },
		"CopyAll": func(dst *repo) error { return errors.Join(copyAll(t, src, to(dst, newRepo("other"))...)...) },
	} {
		dst := newRepo("dst")
		if err := copied(dst); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(dst.manifests) != 4 || len(dst.blobs) != 4 {
			t.Errorf("%s: the target has %d manifests and %d blobs", name, len(dst.manifests), len(dst.blobs))
		}
	}
}

func TestEntryThatIsNeitherManifestNorBlob(t *testing.T) {
	for _, mediaType := range []string{"application/x", "", manifest.MediaTypeOCILayer, manifest.MediaTypeOCIManifest} {
		src, dst := newRepo("src"), newRepo("dst")
		src.addIndex(t, "t", manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes([]byte("x")), Size: 1})
		err := copyImage(t, src, dst, "t")
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(fmt.Sprint(err), "src/repo") || dst.count("put") != 0 {
			t.Errorf("%q: got error %v", mediaType, err)
		}
	}
}

// The target's failure to take such a blob is the error, not that the source has no manifest.
func TestTargetRefusesABlobOfAnIndex(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	src.addIndex(t, "t", src.addBlob("text/spdx", "sbom"))
	refused := fmt.Errorf("no such repository: %w", fs.ErrNotExist)
	dst.putErr = func(manifest.Descriptor) error { return refused }
	if err := copyImage(t, src, dst, "t"); !errors.Is(err, refused) {
		t.Errorf("got error %v", err)
	}
}

func TestFlattenOfAnIndexWithABlob(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	image := src.addImage(t, "linux/amd64", "layer")
	src.addIndex(t, "t", image, src.addBlob(manifest.MediaTypeOCILayer, "cached"))
	d, err := (&transfer.Engine{Flatten: true}).Copy(t.Context(), src, "t", dst, "t")
	if err != nil || d.Digest != image.Digest {
		t.Errorf("got %s, error %v", d.Digest, err)
	}
}

// What refers to a cache is copied with it; its blobs are no subjects.
func TestReferrersOfABuildCache(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	signature := src.addReferrer(t, src.buildCache(t), "signature")
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if _, there := dst.manifests[string(signature.Digest)]; !there {
		t.Error("the signature was not copied")
	}
}
