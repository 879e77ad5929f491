package layout

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Space that a file occupies already is not needed again.
func TestCheckSpaceCountsAllocatedBlocks(t *testing.T) {
	const size, there = 8 << 20, 2 << 20
	v := &volumes{size: 2 * size}
	for i := range 2 {
		f, err := os.Create(volumePath(filepath.Join(t.TempDir(), "b"), i))
		if err != nil {
			t.Fatal(err)
		}
		v.files = append(v.files, volume{f, int64(i) * size, size})
	}
	defer v.Close()
	if _, err := v.files[1].Write(bytes.Repeat([]byte("x"), there)); err != nil {
		t.Fatal(err)
	}
	if err := v.files[1].Sync(); err != nil { // some file systems allocate blocks only then
		t.Fatal(err)
	}
	if err := v.checkSpace(2*size - there); err != nil {
		t.Error(err)
	}
	if err := v.checkSpace(size); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
}
