package transfer

import (
	"slices"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// The small blobs keep the order of the document.
func TestBySize(t *testing.T) {
	const slots = DefaultJobs + announceAhead
	blobs := []manifest.Descriptor{{Size: 3}, {Size: 2}, {Size: blob.LargeSize - 1}, {Size: 0}}
	var want []int64
	for i := range int64(slots + 2) {
		blobs = slices.Insert(blobs, int(i%3), manifest.Descriptor{Size: blob.LargeSize + i})
		want = append(want, blob.LargeSize+slots+1-i)
	}
	want = slices.Insert(want, slots, 3, 2, blob.LargeSize-1, 0)
	var got []int64
	for _, d := range bySize(blobs) {
		got = append(got, d.Size)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
