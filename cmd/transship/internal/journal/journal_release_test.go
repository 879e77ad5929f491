package journal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
)

// A note that is saved while the upload ends, by the goroutine that still reads a body, is saved or dropped.
func TestSaveDuringRelease(t *testing.T) {
	for i := range 300 {
		var warned atomic.Value
		j := &Journal{Folder: t.TempDir(), Warn: func(reason string) { warned.Store(reason) }}
		k := distribution.UploadKey{Registry: "r", Repository: "a", Digest: blob.FromBytes([]byte("x")), Size: 1 << 30}
		if _, ok := j.Take(k); !ok {
			t.Fatal("not taken")
		}
		j.Save(k, distribution.UploadNote{Location: "https://r/upload"})
		var group sync.WaitGroup
		for n := range 4 {
			group.Go(func() {
				for m := range 20 {
					j.Save(k, distribution.UploadNote{Location: "https://r/upload", Offset: int64(n*100 + m)})
				}
			})
		}
		group.Go(func() { j.Release(k, true) })
		group.Wait()
		// the lock has ended with the last use of the file
		other := &Journal{Folder: j.Folder}
		if _, ok := other.Take(k); !ok {
			t.Fatalf("round %d: the file is still locked", i)
		}
		other.Release(k, false)
		if w := warned.Load(); w != nil {
			t.Fatal(fmt.Sprint("round ", i, ": ", w))
		}
	}
}
