package blob_test

import (
	"testing"

	"github.com/hczjl/transship/blob"
)

func TestBufferSize(t *testing.T) {
	const most = 512 << 10
	for size, want := range map[int64]int64{
		0: 1, 1: 1, 1000: 1000, 64 << 10: 64 << 10, 200 << 10: 64 << 10, 1 << 20: 256 << 10, 2 << 20: most, 10 << 30: most,
	} {
		if got := blob.BufferSize(size, most); got != want {
			t.Errorf("of %d bytes: %d, want %d", size, got, want)
		}
	}
	if got := blob.BufferSize(1<<20, 4<<10); got != 4<<10 {
		t.Errorf("of no more than 4 KiB: %d", got)
	}
}
