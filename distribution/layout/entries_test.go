package layout

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// indexOfBlobs puts an index under tag cache, with a layer, content of an unknown type, and an image
// of an unknown type as entries.
func indexOfBlobs(
	t *testing.T, r *Repository,
) (ix manifest.Manifest, blobs []manifest.Descriptor, image manifest.Manifest) {
	t.Helper()
	image = imageManifest(t, putBlob(t, r, "layer"), nil)
	putManifest(t, r, string(image.Digest), image)
	layer, other := putBlob(t, r, "cached"), putBlob(t, r, "sbom")
	layer.MediaType, other.MediaType = manifest.MediaTypeOCILayer, "text/spdx"
	entry := manifest.Descriptor{MediaType: "application/x", Digest: image.Digest, Size: image.Size}
	doc := manifest.Index{SchemaVersion: 2, Manifests: []manifest.Descriptor{layer, other, entry}}
	raw, err := manifest.OCIStyle().EncodeIndex(doc)
	if err != nil {
		t.Fatal(err)
	}
	ix, err = manifest.Parse(manifest.MediaTypeOCIIndex, raw)
	if err != nil {
		t.Fatal(err)
	}
	putManifest(t, r, "cache", ix)
	return ix, []manifest.Descriptor{layer, other}, image
}

// wantEntries checks that the blobs are blobs and the image is a manifest, and nothing is both.
func wantEntries(t *testing.T, r interface {
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
	HeadBlob(ctx context.Context, d blob.Digest) (int64, error)
}, blobs []manifest.Descriptor, image manifest.Manifest) {
	t.Helper()
	for _, d := range blobs {
		size, err := r.HeadBlob(t.Context(), d.Digest)
		if err != nil || size != d.Size {
			t.Errorf("blob of type %s: %d bytes, error %v", d.MediaType, size, err)
		}
		if _, err := r.HeadManifest(t.Context(), string(d.Digest)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("manifest of type %s: error %v", d.MediaType, err)
		}
	}
	d, err := r.HeadManifest(t.Context(), string(image.Digest))
	if err != nil || d.MediaType != image.MediaType {
		t.Errorf("the image: %+v, error %v", d, err)
	}
}

func TestIndexOfBlobsInAFolder(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	_, blobs, image := indexOfBlobs(t, d.Repository("ci/app"))
	if bad := problems(t, d.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	if err := os.RemoveAll(d.privatePath()); err != nil {
		t.Fatal(err)
	}
	readOnly, err := OpenReadOnly(path) // finds out by itself what is a manifest
	if err != nil {
		t.Fatal(err)
	}
	wantEntries(t, readOnly.Repository("ci/app"), blobs, image)
	d = openDir(t, path) // does so too, and writes it down
	if result, err := d.Prune(t.Context(), PruneOptions{Untagged: true}); err != nil || result.Deleted != nil {
		t.Errorf("prune: %+v, error %v", result, err)
	}
	wantEntries(t, d.Repository("ci/app"), blobs, image)
	mustWrite(t, "!ached", d.blobPath(blobs[0].Digest))
	if err := os.Remove(d.blobPath(blobs[1].Digest)); err != nil {
		t.Fatal(err)
	}
	if bad := problems(t, d.Verify); len(bad) != 2 {
		t.Errorf("problems: %v", bad)
	}
}

func TestIndexOfBlobsInABundle(t *testing.T) {
	r := openDir(t, t.TempDir()).Repository("ci/app")
	ix, blobs, image := indexOfBlobs(t, r)
	s := newSample()
	s.Manifests = []manifest.Manifest{ix, image}
	for _, content := range []string{"cached", "sbom", "layer"} {
		s.blob("", content)
	}
	s.addImage("ci/app:cache", ix)
	path, in := s.bundle(t)
	if len(in.Content) != 5 {
		t.Errorf("got content %v", in.Content)
	}
	a := openArchive(t, path)
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	wantEntries(t, a.Repository("ci/app"), blobs, image)
}
