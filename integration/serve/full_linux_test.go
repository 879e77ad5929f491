package serve

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A full disk gives a clear answer and leaves the folder sound. With more room the same command
// finishes.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk, grow := servers.SmallDisk(t, 1<<20)
	folder := filepath.Join(disk, "images")
	im := fixture.Synthetic(fixture.Spec{Seed: 11, Layers: []int64{300_000, 300_000, 300_000, 300_000, 300_000}})
	from := servers.CNCF(t, servers.Options{})
	if err := from.Repository("x").Push(t.Context(), im, "1"); err != nil {
		t.Fatal(err)
	}
	transship, _ := servers.Transship(t)
	to := servers.Serve(t, "-v", "--writable", folder)
	got := transship.Run(t, "copy", from.Host+"/x:1", to.Host+"/x:1")
	if got.Exit != 1 || !strings.Contains(got.Stderr, "507 Insufficient Storage") ||
		!strings.Contains(got.Stderr, "the registry's disk is full") {
		t.Errorf("exit %d: %s", got.Exit, got.Stderr)
	}
	if log := to.Log(); !strings.Contains(log, "failed: ") || !strings.Contains(log, "no space left on device") {
		t.Errorf("it says %s", log)
	}
	verifyFolder(t, folder)
	grow(8 << 20)
	transship.Output(t, "copy", from.Host+"/x:1", to.Host+"/x:1")
	if err := to.Repository("x").Verify(t.Context(), im, "1"); err != nil {
		t.Error(err)
	}
}
