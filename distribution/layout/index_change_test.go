package layout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// The tags of an index that was changed many times are those of its entries, as index.json would be read, and
// an index that a reader still has does not change.
func TestIndexAfterChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(letters string) string { return string(letters[random.IntN(len(letters))]) }
	ix := newIndex(nil, nil)
	for i := range 3000 {
		c := removeManifest(pick("rqp"), testDigest(pick("abc")))
		switch random.IntN(5) {
		case 0, 1:
			c = putEntries(pick("rqp"), testDescriptor(pick("abc")), []string{pick("1234")}, nil)
		case 2:
			c = putEntries(pick("rqp"), testDescriptor(pick("abc")), nil, map[blob.Digest]bool{testDigest("a"): true})
		case 3:
			c = removeTag(pick("rqp"), pick("1234"))
		}
		entries, err := c(ix.entries)
		if err != nil {
			continue // no such tag
		}
		if random.IntN(10) == 0 { // another order, as no change makes it
			random.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		}
		next := ix.with(entries)
		for _, x := range []*index{next, ix} {
			if diff := cmp.Diff(tagDigests(newIndex(nil, x.entries)), tagDigests(x)); diff != "" {
				t.Fatalf("change %d: %s", i, diff)
			}
		}
		ix = next
	}
}

// tagDigests returns the digests by repository and tag.
func tagDigests(ix *index) map[string]map[string]blob.Digest {
	out := map[string]map[string]blob.Digest{}
	for repository, tags := range ix.tags {
		out[repository] = map[string]blob.Digest{}
		for tag, e := range tags {
			out[repository][tag] = e.Digest
		}
	}
	return out
}

// BenchmarkPutManifest moves a tag in a folder that has so many other tags, five in a repository.
func BenchmarkPutManifest(b *testing.B) {
	for _, n := range []int{100, 2000, 20000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkPutManifest(b, n) })
	}
}

func benchmarkPutManifest(b *testing.B, others int) {
	d := openDir(b, b.TempDir())
	release, err := d.HoldPending()
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	if err := d.update(func(in []*entry) ([]*entry, error) {
		for i := range others {
			e, err := newEntry(fmt.Sprintf("repository/%d", i/5), fmt.Sprintf("v%d", i%5), testDescriptor("a"))
			if err != nil {
				return nil, err
			}
			in = append(in, e)
		}
		return in, nil
	}); err != nil {
		b.Fatal(err)
	}
	r := d.Repository("other")
	var images [100]manifest.Manifest
	for i := range images {
		raw := fmt.Sprintf(`{"schemaVersion":2,"manifests":[],"annotations":{"n":"%d"}}`, i)
		if images[i], err = manifest.Parse(manifest.MediaTypeOCIIndex, []byte(raw)); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		if err := r.PutManifest(context.Background(), "tag", images[i%len(images)]); err != nil {
			b.Fatal(err)
		}
	}
}

// Readers of an index.json that shares the tags of its last version meet no race; another Dir writes too.
func TestReadersWhileChanged(t *testing.T) {
	path := t.TempDir()
	a, b := openDir(t, path), openDir(t, path)
	r := a.Repository("example.com/a")
	layer := putBlob(t, r, "layer")
	m := imageManifest(t, layer, nil)
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for !stop.Load() {
				for i := range 4 {
					_, _ = a.Repository(fmt.Sprint("example.com/", i)).Tags(t.Context())
					_, _ = a.Repository(fmt.Sprint("example.com/", i)).HeadManifest(t.Context(), "1")
				}
				_, _ = a.RepositoriesWithPath("1")
				_, _ = a.Roots()
			}
		})
	}
	for w, d := range []*Dir{a, a, b} {
		writers.Go(func() {
			for i := range 40 {
				r := d.Repository(fmt.Sprint("example.com/", i%4))
				if err := r.PutManifest(t.Context(), fmt.Sprint(w), m); err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					_ = r.DeleteTag(t.Context(), fmt.Sprint(w))
				}
				if i%7 == 0 {
					_ = r.DeleteManifest(t.Context(), m.Digest)
				}
				ix, err := d.index()
				if err != nil {
					t.Error(err)
					continue
				}
				if fresh := newIndex(nil, ix.entries); len(fresh.tags) != len(ix.tags) {
					t.Errorf("%d repositories, not %d", len(ix.tags), len(fresh.tags))
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
}
