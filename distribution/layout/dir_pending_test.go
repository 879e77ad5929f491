package layout

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
)

// In a folder that is served, a prune keeps what may be part of an image that is being pushed. What a
// deleted image left is removed at once, and everything else after an hour, or when the folder is not served.
func TestPruneOfServedFolder(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	release, err := d.HoldPending()
	if err != nil {
		t.Fatal(err)
	}
	names := map[blob.Digest]string{}
	layer := func(name string) blob.Digest {
		digest := putBlob(t, r, name).Digest
		names[digest] = name
		return digest
	}
	deleted := imageManifest(t, putBlob(t, r, "deleted"), nil)
	names[deleted.Digest] = "deleted image"
	putManifest(t, r, "1", deleted)
	names[blob.FromBytes([]byte("deleted"))] = "deleted"
	if err := r.DeleteManifest(t.Context(), deleted.Digest); err != nil {
		t.Fatal(err)
	}
	child := imageManifest(t, putBlob(t, r, "layer of child"), nil)
	names[child.Digest], names[blob.FromBytes([]byte("layer of child"))] = "child", "layer of child"
	putManifest(t, r, string(child.Digest), child)
	layer("pending")
	abandoned := layer("abandoned")
	mounted := layer("mounted")
	for _, digest := range []blob.Digest{abandoned, mounted} {
		hours := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(r.dir.files.path(r.linkName(blobLinks, digest)), hours, hours); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Mount(t.Context(), mounted, "r"); err != nil {
		t.Fatal(err)
	}

	check := func(want ...string) {
		t.Helper()
		if _, err := openDir(t, d.path).Prune(t.Context(), PruneOptions{Untagged: true}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, blobNames(t, d, names)); diff != "" {
			t.Error(diff)
		}
	}
	check("child", "layer of child", "mounted", "pending")
	release()
	check()
}
