package mirror

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// Of runs that begin and end at the same time only one has the log at a time, and it is at its path.
func TestRunLogLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.run")
	var group sync.WaitGroup
	var lost, both, holders atomic.Int32
	for range 4 {
		group.Go(func() {
			for range 5000 {
				l := runLog{path: path}
				if l.open(false) != nil {
					continue
				}
				if holders.Add(1) > 1 {
					both.Add(1)
				}
				mine, _ := l.file.Stat()
				at, err := os.Stat(path)
				if err != nil || !os.SameFile(mine, at) {
					lost.Add(1)
				}
				holders.Add(-1)
				_ = l.close(true)
			}
		})
	}
	group.Wait()
	if lost.Load() > 0 || both.Load() > 0 {
		t.Errorf("%d times the log that a run had locked was not at its path, %d times two runs had one", lost.Load(), both.Load())
	}
}
