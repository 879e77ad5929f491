package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// readBlob reads and verifies a blob of a repository.
func readBlob(ctx context.Context, r *Repository, d manifest.Descriptor) error {
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) { return r.Blob(ctx, d, offset) }
	content := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer content.Close()
	_, err := io.Copy(io.Discard, content)
	return err
}

func TestIndexReplacesEntriesOfItsImages(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("hczjl/halo")
	layer := putBlob(t, r, "layer")
	subject := manifest.Descriptor{Digest: testDigest("a"), MediaType: "x/y", Size: 1}
	amd64, arm64 := imageManifest(t, layer, nil), imageManifest(t, layer, &subject)
	both := indexManifest(t, amd64, arm64)
	putManifest(t, r, string(amd64.Digest), amd64)
	putManifest(t, r, string(arm64.Digest), arm64)
	if got := indexEntries(t, d); len(got) != 2 {
		t.Errorf("before the index there are %v", got)
	}
	putManifest(t, r, "1.6", both)
	if diff := cmp.Diff([]string{"hczjl/halo:1.6 " + both.Digest.Short()}, indexEntries(t, d)); diff != "" {
		t.Error(diff)
	}
	checkComplete(t, openDir(t, d.path).Repository("hczjl/halo"), "1.6")
}

func TestDeleteBlobKeepsOtherRepositories(t *testing.T) {
	d := openDir(t, t.TempDir())
	a, b := d.Repository("a"), d.Repository("b")
	layer := putBlob(t, a, "layer")
	if err := b.Mount(t.Context(), layer.Digest, "a"); err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteBlob(t.Context(), layer.Digest); err != nil {
		t.Fatal(err)
	}
	if err := readBlob(t.Context(), b, layer); err != nil {
		t.Error(err)
	}
	if _, err := a.HeadBlob(t.Context(), layer.Digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for a deleted blob", err)
	}
}

func TestDamagedContentIsReplaced(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	layer := putBlob(t, r, "layer")
	m := imageManifest(t, layer, nil)
	putManifest(t, r, "1", m)
	for _, digest := range []blob.Digest{m.Digest, layer.Digest} {
		b, err := os.ReadFile(d.blobPath(digest))
		if err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1
		mustWrite(t, string(b), d.blobPath(digest))
	}
	var mismatch *blob.MismatchError
	if _, err := r.Manifest(t.Context(), "1"); !errors.As(err, &mismatch) {
		t.Errorf("manifest: got error %v", err)
	}
	putBlob(t, r, "layer")
	putManifest(t, r, "1", m)
	checkComplete(t, r, "1")
}

func TestDamagedManifestCanBeDeleted(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	m := imageManifest(t, testDescriptor("a"), nil)
	putManifest(t, r, "1", m)
	mustWrite(t, "{", d.blobPath(m.Digest))
	if err := r.DeleteManifest(t.Context(), m.Digest); err != nil {
		t.Error(err)
	}
	if got := indexEntries(t, d); got != nil {
		t.Errorf("left: %v", got)
	}
}

func TestNamesAndDigestsStayInTheFolder(t *testing.T) {
	d := openDir(t, t.TempDir())
	evil := blob.Digest("sha256:../../../../../etc/passwd")
	m := imageManifest(t, testDescriptor("a"), nil)
	for _, name := range []string{"../x", "a/../../x", "", "_blobs", "a/_manifests/sha256"} {
		r := d.Repository(name)
		for call, err := range map[string]error{
			"PutManifest": r.PutManifest(t.Context(), "1", m),
			"HeadBlob":    errorOf(r.HeadBlob(t.Context(), m.Digest)),
			"NewUpload":   errorOf(r.NewUpload(t.Context(), "")),
			"Mount":       r.Mount(t.Context(), m.Digest, ""),
			"Tags":        errorOf(r.Tags(t.Context())),
			"Referrers":   errorOf(r.Referrers(t.Context(), m.Digest, "")),
		} {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s in %q: got error %v", call, name, err)
			}
		}
	}
	r, referrer := d.Repository("r"), imageManifest(t, testDescriptor("a"), &m.Descriptor)
	for call, err := range map[string]error{
		"HeadManifest":   errorOf(r.HeadManifest(t.Context(), string(evil))),
		"DeleteManifest": r.DeleteManifest(t.Context(), evil),
		"HeadBlob":       errorOf(r.HeadBlob(t.Context(), evil)),
		"DeleteBlob":     r.DeleteBlob(t.Context(), evil),
		"Mount":          r.Mount(t.Context(), evil, ""),
		"Mount from":     r.Mount(t.Context(), m.Digest, "../x"),
		"Referrers":      errorOf(r.Referrers(t.Context(), evil, "")),
		"subject":        r.PutManifest(t.Context(), "1", replaceDigest(referrer, m.Digest, evil)),
		"tag":            r.PutManifest(t.Context(), "../1", m),
		"Tag":            r.Tag(t.Context(), m.Digest, "../1"),
		"DeleteTag":      r.DeleteTag(t.Context(), "../1"),
		"algorithm":      errorOf(r.NewUpload(t.Context(), "md5")),
	} {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got error %v", call, err)
		}
	}
}

// replaceDigest returns a manifest with one digest replaced, which manifest.Parse might refuse.
func replaceDigest(m manifest.Manifest, old, digest blob.Digest) manifest.Manifest {
	m.Raw = bytes.ReplaceAll(m.Raw, []byte(old), []byte(digest))
	m.Digest, m.Size = blob.FromBytes(m.Raw), int64(len(m.Raw))
	return m
}

func TestUploadMismatchIsDiscarded(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	for _, algorithm := range []blob.Algorithm{blob.SHA256, blob.SHA512} {
		u, err := r.NewUpload(t.Context(), blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		var mismatch *blob.MismatchError
		if err := u.Commit(t.Context(), algorithm.Digest([]byte("y"))); !errors.As(err, &mismatch) {
			t.Errorf("got error %v", err)
		}
	}
	if left, _ := os.ReadDir(d.privatePath("tmp")); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestUploadWithOtherAlgorithm(t *testing.T) {
	r := openDir(t, t.TempDir()).Repository("r")
	u, err := r.NewUpload(t.Context(), blob.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	d := manifest.Descriptor{Digest: blob.SHA512.Digest([]byte("content")), Size: 7}
	if err := u.Commit(t.Context(), d.Digest); err != nil {
		t.Fatal(err)
	}
	if err := readBlob(t.Context(), r, d); err != nil {
		t.Error(err)
	}
}

// An image that is put while it is deleted is there afterwards, or is not; nothing in between.
func TestDeleteWhilePut(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("a")
	m := imageManifest(t, putBlob(t, r, "layer"), nil)
	for i := range 50 {
		putManifest(t, r, "1", m)
		var group sync.WaitGroup
		group.Go(func() {
			if err := r.DeleteManifest(context.Background(), m.Digest); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		})
		group.Go(func() {
			if err := r.PutManifest(context.Background(), "2", m); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		_, errTag := r.Manifest(t.Context(), "2")
		_, errDigest := r.Manifest(t.Context(), string(m.Digest))
		if errTag == nil && errDigest != nil {
			t.Fatalf("round %d: the tag is there, and by the digest: %v", i, errDigest)
		}
	}
}

// A process that has read index.json before another one deleted a manifest does not bring it back.
func TestDeletedStaysDeleted(t *testing.T) {
	path := t.TempDir()
	a, b := openDir(t, path), openDir(t, path)
	r := a.Repository("a")
	m := imageManifest(t, putBlob(t, r, "layer"), nil)
	putManifest(t, r, "1", m)
	before, err := b.index()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.DeleteManifest(t.Context(), m.Digest); err != nil {
		t.Fatal(err)
	}
	if err := b.buildLinks(before, false); !errors.Is(err, errUnlinked) {
		t.Errorf("got error %v", err)
	}
	if _, err := r.HeadManifest(t.Context(), string(m.Digest)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the deleted manifest: %v", err)
	}
}
