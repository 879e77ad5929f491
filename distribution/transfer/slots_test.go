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

// heavy is the content of a large blob.
func heavy(i int) string { return fmt.Sprint(i, strings.Repeat(".", blob.LargeSize+100*i)) }

// mixed is an image of large and small layers, the large ones first, under tag t.
func mixed(t testing.TB, large, small int) *repo {
	var layers []string
	for i := range large {
		layers = append(layers, heavy(i))
	}
	for i := range small {
		layers = append(layers, fmt.Sprint("small ", i))
	}
	src := newHub("from").repo("halo")
	src.addIndex(t, "t", src.addImage(t, "linux/amd64", layers...))
	return src
}

// Small blobs do not wait for large ones, however many of those there are.
func TestSmallBlobsPassLargeOnes(t *testing.T) {
	const small = 20
	src := mixed(t, 2*transfer.DefaultJobs, small)
	dst := newHub("to").repo("halo")
	var arrived sync.WaitGroup
	arrived.Add(small)
	dst.putErr = func(d manifest.Descriptor) error {
		if d.Size < blob.LargeSize && d.MediaType == manifest.MediaTypeOCILayer {
			arrived.Done()
		}
		arrived.Wait() // large ones get no further before all small ones have come here
		return nil
	}
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
}

// crowd counts who is somewhere at once.
type crowd struct {
	mu        sync.Mutex
	now, most int
}

func (c *crowd) enter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

// So many blobs are asked for and moved at once. Of large ones the target is asked for more than are moved.
func TestHowManyBlobsAtOnce(t *testing.T) {
	const more, ofOne = 6, 64 // large ones beside those that move; blobs of one image
	for _, test := range []struct{ jobs, small, asked, moved, all int }{
		{0, ofOne - transfer.DefaultJobs - more, transfer.DefaultJobs + more, transfer.DefaultJobs, ofOne},
		{1, 1, 1, 1, 1},
		{3, 3, 3, 3, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			src := mixed(t, 3*transfer.DefaultJobs, 2*transfer.SmallJobs)
			dst := newHub("to").repo("halo")
			var small, asked, moved, all crowd
			dst.putErr = func(d manifest.Descriptor) error {
				kind := &small
				if d.Size >= blob.LargeSize {
					kind = &asked
				}
				for _, c := range []*crowd{kind, &all} {
					c.enter(1)
					defer c.enter(-1)
				}
				time.Sleep(time.Second)
				if kind == &asked {
					time.Sleep(9 * time.Second) // so that those who began behind a small one are there with the others
				}
				return nil
			}
			src.opening = func(d manifest.Descriptor) {
				if d.Size < blob.LargeSize {
					return
				}
				moved.enter(1)
				defer moved.enter(-1)
				time.Sleep(3 * time.Second)
			}
			if _, err := (&transfer.Engine{Jobs: test.jobs}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
				t.Fatal(err)
			}
			if small.most != test.small || asked.most != test.asked || moved.most != test.moved || all.most != test.all {
				t.Errorf("%d jobs: %d small, %d asked, %d moved, %d blobs at once, want %d, %d, %d, %d",
					test.jobs, small.most, asked.most, moved.most, all.most, test.small, test.asked, test.moved, test.all)
			}
		})
	}
}

// Of several targets none is asked before the bytes can move: an upload that one has opened would wait for the others.
func TestSeveralTargetsAreAskedWhenBytesCanMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := mixed(t, 3*transfer.DefaultJobs, 0)
		var asked crowd
		var to []transfer.Destination
		for _, name := range []string{"one", "two"} {
			dst := newHub(name).repo("halo")
			dst.putErr = func(d manifest.Descriptor) error {
				if d.Size >= blob.LargeSize {
					asked.enter(1)
					defer asked.enter(-1)
					time.Sleep(time.Second)
				}
				return nil
			}
			to = append(to, transfer.Destination{Target: dst, As: "t"})
		}
		if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
			t.Fatal(errs)
		}
		if asked.most != 2*transfer.DefaultJobs {
			t.Errorf("%d questions at once, want %d", asked.most, 2*transfer.DefaultJobs)
		}
	})
}
