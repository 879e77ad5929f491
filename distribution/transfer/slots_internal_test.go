package transfer

import (
	"fmt"
	"testing"

	"github.com/hczjl/transship/manifest"
)

// What takes longest begins first; small blobs keep the order of the document.
func TestBySize(t *testing.T) {
	var blobs []manifest.Descriptor
	for _, size := range []int64{3, SmallBlob, 2, 5 * SmallBlob, SmallBlob - 1, 2 * SmallBlob, 0} {
		blobs = append(blobs, manifest.Descriptor{Size: size})
	}
	sizes := func(list []manifest.Descriptor) (out []int64) {
		for _, d := range list {
			out = append(out, d.Size)
		}
		return out
	}
	large, small := bySize(blobs)
	got, want := fmt.Sprint(sizes(large), sizes(small)), fmt.Sprint([]int64{5 << 20, 2 << 20, 1 << 20}, []int64{3, 2, 1<<20 - 1, 0})
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
