package e2e

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// heavyWeek returns an image of three layers of 9.5 MB, of which each has more than a delta keeps of one, and
// which are made again each week.
func heavyWeek(week int) fixture.Image {
	v := fixture.Variant{Platform: twoPlatforms[0]}
	for i := range 3 {
		l := fixture.WeeklyLayer{Seed: uint64(80 + i), Week: week, Files: 145, Level: gzip.NoCompression}
		v.Layers = append(v.Layers, l.Layer())
	}
	return fixture.Assemble(v)
}

// Deltas take at most 64 MiB more memory than the same bundles without them, when they are made, checked and
// applied.
func TestDeltaMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("what is resident is read from Linux's /proc")
	}
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	old, renewed := push(t, from, heavyWeek(0), "team/app", "1"), push(t, from, heavyWeek(1), "team/app", "2")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	base := filepath.Join(dir, "base.tar")
	transship.Output(t, "save", "-q", "-o", base, old)
	peaks := map[string]map[bool]int64{}
	for _, delta := range []bool{false, true} {
		path, prefix := filepath.Join(dir, fmt.Sprintf("delta-%v.tar", delta)), fmt.Sprintf("%s/delta-%v", to.Host, delta)
		save := []string{"save", "-q", "-o", path, "--since", base, renewed}
		if delta {
			save = append(save, "--delta")
		}
		transship.Output(t, "load", "-q", base, prefix)
		for _, args := range [][]string{save, {"verify", path}, {"load", "-q", path, prefix}} {
			c := begin(t, transship, args...)
			peak := servers.Peak(c.Process.Pid)
			if got := c.end(t); got.Exit != 0 {
				t.Fatalf("%s: %+v", args[0], got)
			}
			if peaks[args[0]] == nil {
				peaks[args[0]] = map[bool]int64{}
			}
			peaks[args[0]][delta] = <-peak
		}
		n, size, instead := inventoryDeltas(t, path)
		t.Logf("%d deltas of %d bytes in place of %d", n, size, instead)
		if delta && (n != 3 || instead < 25e6) {
			t.Errorf("%s has %d deltas in place of %d bytes", path, n, instead)
		}
	}
	for name, p := range peaks {
		t.Logf("%s: at most %d KiB resident with deltas, %d KiB without", name, p[true]>>10, p[false]>>10)
		if p[false] < mib || p[true] > p[false]+64*mib {
			t.Errorf("%s takes %d KiB with deltas and %d KiB without", name, p[true]>>10, p[false]>>10)
		}
	}
}
