package blob_test

import (
	"testing"

	"github.com/hczjl/transship/blob"
)

func TestBufferSize(t *testing.T) {
	const maximum = 512 << 10
	for size, want := range map[int64]int64{
		0: 1, 1: 1, 1000: 1000, 64 << 10: 64 << 10, 200 << 10: 64 << 10,
		1 << 20: 256 << 10, 2 << 20: maximum, 10 << 30: maximum,
	} {
		if got := blob.BufferSize(size, maximum); got != want {
			t.Errorf("size %d: got %d, want %d", size, got, want)
		}
	}
	if got := blob.BufferSize(1<<20, 4<<10); got != 4<<10 {
		t.Errorf("maximum of 4 KiB: got %d", got)
	}
}
