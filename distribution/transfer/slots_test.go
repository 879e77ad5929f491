package transfer_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// mixedLayers returns a repository with an image of large and small layers, the large ones first,
// under tag t.
func mixedLayers(t testing.TB, large, small int) *repo {
	var layers []string
	for i := range large {
		layers = append(layers, fmt.Sprint(i, strings.Repeat(".", blob.LargeSize+100*i)))
	}
	for i := range small {
		layers = append(layers, fmt.Sprint("small ", i))
	}
	src := newRepo("src")
	src.addIndex(t, "t", src.addImage(t, "linux/amd64", layers...))
	return src
}

func TestSmallBlobsDoNotWaitForLargeOnes(t *testing.T) {
	const small = 20
	src, dst := mixedLayers(t, 2*transfer.DefaultJobs, small), newRepo("dst")
	var arrived sync.WaitGroup
	arrived.Add(small)
	dst.putErr = func(d manifest.Descriptor) error {
		if d.Size < blob.LargeSize && d.MediaType == manifest.MediaTypeOCILayer {
			arrived.Done()
		}
		arrived.Wait() // large blobs proceed only when all small ones have arrived
		return nil
	}
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
}

// concurrency records the largest value of a counter.
type concurrency struct {
	mu       sync.Mutex
	now, max int
}

func (c *concurrency) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.max = max(c.max, c.now)
}

func TestHowManyBlobsAreInFlight(t *testing.T) {
	const ahead, perImage = 6, 64 // large blobs announced beside those that move; blobs of one image
	for _, test := range []struct{ jobs, small, announced, moved, all int }{
		{0, perImage - transfer.DefaultJobs - ahead, transfer.DefaultJobs + ahead, transfer.DefaultJobs, perImage},
		{1, 1, 1, 1, 1},
		{3, 3, 3, 3, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			src, dst := mixedLayers(t, 3*transfer.DefaultJobs, 2*transfer.SmallJobs), newRepo("dst")
			var small, announced, moved, all concurrency
			dst.putErr = func(d manifest.Descriptor) error {
				kind := &small
				if d.Size >= blob.LargeSize {
					kind = &announced
				}
				for _, c := range []*concurrency{kind, &all} {
					c.add(1)
					defer c.add(-1)
				}
				time.Sleep(time.Second)
				if kind == &announced {
					time.Sleep(9 * time.Second) // so that large blobs that start after a small one overlap the others
				}
				return nil
			}
			src.onOpen = func(d manifest.Descriptor) {
				if d.Size < blob.LargeSize {
					return
				}
				moved.add(1)
				defer moved.add(-1)
				time.Sleep(3 * time.Second)
			}
			if _, err := (&transfer.Engine{Jobs: test.jobs}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
				t.Fatal(err)
			}
			got := [4]int{small.max, announced.max, moved.max, all.max}
			if want := [4]int{test.small, test.announced, test.moved, test.all}; got != want {
				t.Errorf("%d jobs: small, announced, moved and all blobs at once are %d, want %d", test.jobs, got, want)
			}
		})
	}
}

// An upload that one of several targets opens early would wait for the others.
func TestSeveralTargetsAreAskedOnlyWhenBytesCanMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := mixedLayers(t, 3*transfer.DefaultJobs, 0)
		var announced concurrency
		targets := []*repo{newRepo("a"), newRepo("b")}
		for _, dst := range targets {
			dst.putErr = func(d manifest.Descriptor) error {
				if d.Size >= blob.LargeSize {
					announced.add(1)
					defer announced.add(-1)
					time.Sleep(time.Second)
				}
				return nil
			}
		}
		if errs := copyAll(t, src, to(targets[0], targets[1])...); errors.Join(errs...) != nil {
			t.Fatal(errs)
		}
		if announced.max != 2*transfer.DefaultJobs {
			t.Errorf("%d blobs announced at once, want %d", announced.max, 2*transfer.DefaultJobs)
		}
	})
}
