package transfer_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// countingRepo remembers how many goroutines there are at most when it is asked for a tag.
type countingRepo struct {
	*repo
	most atomic.Int64
}

func (r *countingRepo) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	for n := int64(runtime.NumGoroutine()); ; {
		most := r.most.Load()
		if n <= most || r.most.CompareAndSwap(most, n) {
			break
		}
	}
	return r.repo.HeadManifest(ctx, ref)
}

// A bundle may have 60,000 tags of one image: a goroutine for each takes a gigabyte.
func TestCopyTagsHasFewGoroutines(t *testing.T) {
	src, _ := threePlatforms(t)
	tags := make([]string, 5000)
	for i := range tags {
		tags[i] = fmt.Sprint("t", i)
	}
	dst := &countingRepo{repo: newRepo("dst")}
	if _, errs := new(transfer.Engine).CopyTags(t.Context(), src, "t", dst, tags...); errs[0] != nil {
		t.Fatal(errs[0])
	}
	if most := dst.most.Load(); most > 1000 {
		t.Errorf("%d goroutines for %d tags", most, len(tags))
	}
}
