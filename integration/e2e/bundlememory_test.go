package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// pushMany pushes n images that share a layer, and returns their references.
func pushMany(t *testing.T, at *servers.Registry, n int, size int64) []string {
	t.Helper()
	refs := make([]string, n)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			im := fixture.Synthetic(fixture.Spec{Seed: uint64(1000 + i), Platforms: twoPlatforms,
				Layers: []int64{size, 10_000}})
			name := fmt.Sprintf("many/image%d", i)
			refs[i] = at.Host + "/" + name + ":1"
			return at.Repository(name).Push(t.Context(), im, "1")
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return refs
}

// A bundle of 100 images is written, verified and loaded in less than 64 MiB, and in hardly more
// memory than one of 20 images: memory does not grow with the size of the images.
func TestBundleMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("what is resident is read from Linux's /proc")
	}
	const size = mib / 4
	from, to := servers.CNCF(t, servers.Options{InMemory: true}), servers.CNCF(t, servers.Options{InMemory: true})
	refs := pushMany(t, from, 100, size)
	transship, _ := servers.Transship(t)
	peaks := map[int]map[string]int64{}
	for _, n := range []int{20, 100} {
		path := filepath.Join(t.TempDir(), "many.tar")
		peaks[n] = map[string]int64{}
		for _, args := range [][]string{slices.Concat([]string{"save", "-q", "-o", path}, refs[:n]), {"verify", path},
			{"load", "-q", path, fmt.Sprintf("%s/n%d", to.Host, n)}} {
			c := begin(t, transship, args...)
			peak := servers.Peak(c.Process.Pid)
			if got := c.end(t); got.Exit != 0 {
				t.Fatalf("%s: %+v", args[0], got)
			}
			peaks[n][args[0]] = <-peak
		}
		if info, err := os.Stat(path); err != nil || info.Size() < int64(n)*size {
			t.Errorf("the bundle: %v, %v", info, err)
		}
	}
	for name, most := range peaks[100] {
		t.Logf("%s: at most %d KiB resident for 100 images, %d KiB for 20", name, most>>10, peaks[20][name]>>10)
		if most < mib || most >= 64*mib || most > peaks[20][name]+16*mib {
			t.Errorf("%s takes %d KiB for 100 images and %d KiB for 20: want less than 64 MiB, and no growth with the bytes", name, most>>10, peaks[20][name]>>10)
		}
	}
}
