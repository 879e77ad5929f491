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
	"github.com/hczjl/transship/manifest"
)

func TestCollect(t *testing.T) {
	src, root := three(t)
	var e transfer.Engine
	c, err := e.Collect(t.Context(), src, "t")
	if err != nil || c.Root.Digest != root.Digest || len(c.Manifests) != 4 || c.Manifests[3].Digest != root.Digest || len(c.Blobs) != 10 {
		t.Fatalf("got %d manifests, %d blobs, error %v", len(c.Manifests), len(c.Blobs), err)
	}
	if src.hub.count("read") != 0 || src.hub.count("get") != 4 {
		t.Errorf("did %v", src.hub.log)
	}
	again, err := e.Collect(t.Context(), src, "t")
	if diff := cmp.Diff(c, again); diff != "" || err != nil {
		t.Errorf("the second time (-first +second), error %v:\n%s", err, diff)
	}
}

func TestCollectOfPlatforms(t *testing.T) {
	src, _ := three(t)
	e := transfer.Engine{Platforms: []manifest.Platform{platform(t, "linux/arm64")}}
	c, err := e.Collect(t.Context(), src, "t")
	if err != nil || len(c.Manifests) != 2 || len(c.Blobs) != 4 {
		t.Errorf("got %d manifests, %d blobs, error %v", len(c.Manifests), len(c.Blobs), err)
	}
}

func TestCollectOfNestedLists(t *testing.T) {
	src := newHub("from").repo("halo")
	inner := src.addIndex(t, "", src.addImage(t, "linux/amd64", "1", "2"))
	src.addIndex(t, "t", inner, src.addImage(t, "linux/arm64", "2", "3"), inner)
	c, err := new(transfer.Engine).Collect(t.Context(), src, "t")
	if err != nil || len(c.Manifests) != 4 || len(c.Blobs) != 5 {
		t.Fatalf("got %d manifests, %d blobs, error %v", len(c.Manifests), len(c.Blobs), err)
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

func TestCollectOfAHole(t *testing.T) {
	src, root := three(t)
	ix, _ := src.hub.manifests["halo"][string(root.Digest)].Index()
	delete(src.hub.manifests["halo"], string(ix.Manifests[1].Digest))
	if _, err := new(transfer.Engine).Collect(t.Context(), src, "t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestFill(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	var e transfer.Engine
	c, err := e.Collect(t.Context(), src, "t")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.Fill(t.Context(), src, dst, append(c.Blobs, c.Blobs...)); err != nil {
			t.Fatal(err)
		}
	}
	if dst.hub.count("upload") != 10 || len(dst.hub.manifests["halo"]) != 0 {
		t.Errorf("did %v", dst.hub.log)
	}
}

func TestCollectOfReferrers(t *testing.T) {
	src, root := three(t)
	refer(t, src, root, "signature")
	tag := "sha256-" + root.Digest.Hex() + ".sig"
	src.addIndex(t, tag, src.addImage(t, "linux/amd64", "cosign"))
	e := transfer.Engine{Referrers: true, OnEvent: func(transfer.Event) { t.Error("an event: nothing was copied") }}
	c, err := e.Collect(t.Context(), src, "t")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Referrers); n != 2 || c.Referrers[0].Tag != "" || c.Referrers[1].Tag != tag || c.Manifests[len(c.Manifests)-1].Digest != root.Digest {
		t.Errorf("got %d referrers: %+v", n, c.Referrers)
	}
	plain, err := new(transfer.Engine).Collect(t.Context(), src, "t")
	if err != nil || len(plain.Referrers) != 0 || len(c.Manifests) != len(plain.Manifests)+3 || len(c.Blobs) <= len(plain.Blobs) {
		t.Errorf("without them %d manifests and %d blobs, with them %d and %d, error %v",
			len(plain.Manifests), len(plain.Blobs), len(c.Manifests), len(c.Blobs), err)
	}
}

// With one job a copy does one thing after the other, in the order of the documents.
func TestOneJobGoesInOrder(t *testing.T) {
	src, _ := three(t)
	c, err := new(transfer.Engine).Collect(t.Context(), src, "t")
	if err != nil {
		t.Fatal(err)
	}
	var reads, puts []string
	for _, d := range c.Blobs {
		reads = append(reads, "read "+string(d.Digest))
	}
	for _, m := range c.Manifests[:len(c.Manifests)-1] {
		puts = append(puts, "put "+string(m.Digest))
	}
	for range 5 {
		dst := newHub("to").repo("halo")
		src.hub.log = nil
		if _, err := (&transfer.Engine{Jobs: 1}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(reads, withPrefix(src.hub.log, "read ")); diff != "" {
			t.Errorf("blobs: %s", diff)
		}
		if diff := cmp.Diff(append(puts[:len(puts):len(puts)], "put t"), withPrefix(dst.hub.log, "put ")); diff != "" {
			t.Errorf("manifests: %s", diff)
		}
	}
}

func withPrefix(lines []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, prefix) })
}
