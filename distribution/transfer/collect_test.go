package transfer_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
)

// collect collects tag t of src with a new engine.
func collect(t testing.TB, src transfer.Source) transfer.Closure {
	t.Helper()
	c, err := new(transfer.Engine).Collect(t.Context(), src, "t")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCollect(t *testing.T) {
	src, root := threePlatforms(t)
	c := collect(t, src)
	if len(c.Manifests) != 4 || len(c.Blobs) != 10 {
		t.Fatalf("got %d manifests, %d blobs", len(c.Manifests), len(c.Blobs))
	}
	if c.Root.Digest != root.Digest || c.Manifests[3].Digest != root.Digest {
		t.Errorf("got root %s, and %s as the last manifest", c.Root.Digest, c.Manifests[3].Digest)
	}
	if src.count("read") != 0 || src.count("get") != 4 {
		t.Errorf("calls to the source: %v", src.log)
	}
	if diff := cmp.Diff(c, collect(t, src)); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
}

func TestCollectOfPlatforms(t *testing.T) {
	src, _ := threePlatforms(t)
	c, err := platforms(t, "linux/arm64").Collect(t.Context(), src, "t")
	if err != nil || len(c.Manifests) != 2 || len(c.Blobs) != 4 {
		t.Errorf("got %d manifests, %d blobs, error %v", len(c.Manifests), len(c.Blobs), err)
	}
}

func TestCollectOfNestedIndexesListsChildrenFirst(t *testing.T) {
	src := newRepo("src")
	inner := src.addIndex(t, "", src.addImage(t, "linux/amd64", "1", "2"))
	src.addIndex(t, "t", inner, src.addImage(t, "linux/arm64", "2", "3"), inner)
	c := collect(t, src)
	if len(c.Manifests) != 4 || len(c.Blobs) != 5 {
		t.Fatalf("got %d manifests, %d blobs", len(c.Manifests), len(c.Blobs))
	}
	at := map[blob.Digest]int{}
	for i, m := range c.Manifests {
		at[m.Digest] = i
	}
	for i, m := range c.Manifests {
		refs, _ := m.References()
		for _, d := range refs {
			if j, ok := at[d.Digest]; ok && j > i {
				t.Errorf("manifest %d needs manifest %d, which comes later", i, j)
			}
		}
	}
}

func TestCollectOfAnIncompleteImageIsAnError(t *testing.T) {
	src, _ := threePlatforms(t)
	delete(src.manifests, string(src.entries(t, "t")[1].Digest))
	if _, err := new(transfer.Engine).Collect(t.Context(), src, "t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestFillPutsEachBlobOnceAndNoManifest(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	c := collect(t, src)
	var e transfer.Engine
	for range 2 {
		if err := e.Fill(t.Context(), src, dst, append(c.Blobs, c.Blobs...)); err != nil {
			t.Fatal(err)
		}
	}
	if dst.count("upload") != 10 || len(dst.manifests) != 0 {
		t.Errorf("calls to the target: %v", dst.log)
	}
}

func TestCollectOfReferrers(t *testing.T) {
	src, root := threePlatforms(t)
	src.addReferrer(t, root, "signature")
	tag := "sha256-" + root.Digest.Hex() + ".sig"
	src.addIndex(t, tag, src.addImage(t, "linux/amd64", "cosign"))
	e := transfer.Engine{Referrers: true, OnEvent: func(transfer.Event) { t.Error("an event, but nothing was copied") }}
	c, err := e.Collect(t.Context(), src, "t")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Referrers); n != 2 || c.Referrers[0].Tag != "" || c.Referrers[1].Tag != tag {
		t.Errorf("got %d referrers: %+v", n, c.Referrers)
	}
	if c.Manifests[len(c.Manifests)-1].Digest != root.Digest {
		t.Error("the root is not the last manifest")
	}
	image := collect(t, src)
	if len(image.Referrers) != 0 || len(c.Manifests) != len(image.Manifests)+3 || len(c.Blobs) <= len(image.Blobs) {
		t.Errorf("without referrers %d manifests and %d blobs, with them %d and %d",
			len(image.Manifests), len(image.Blobs), len(c.Manifests), len(c.Blobs))
	}
}

func TestOneJobKeepsTheOrderOfTheDocuments(t *testing.T) {
	src, _ := threePlatforms(t)
	c := collect(t, src)
	var reads, puts []string
	for _, d := range c.Blobs {
		reads = append(reads, "read "+string(d.Digest))
	}
	for _, m := range c.Manifests[:len(c.Manifests)-1] {
		puts = append(puts, "put "+string(m.Digest))
	}
	puts = append(puts, "put t")
	for range 5 {
		dst := newRepo("dst")
		src.log = nil
		if _, err := (&transfer.Engine{Jobs: 1}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(reads, withPrefix(src.log, "read ")); diff != "" {
			t.Errorf("blobs: %s", diff)
		}
		if diff := cmp.Diff(puts, withPrefix(dst.log, "put ")); diff != "" {
			t.Errorf("manifests: %s", diff)
		}
	}
}

func withPrefix(lines []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, prefix) })
}
