package record

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// On a full disk the next call is refused, and the registry does not get it.
func TestFullDiskRefusesCalls(t *testing.T) {
	t.Parallel()
	disk, _ := servers.SmallDisk(t, 16<<10)
	at := servers.CNCF(t, servers.Options{})
	if err := at.Repository("src/repo").Push(t.Context(), fixture.Real(), "1"); err != nil {
		t.Fatal(err)
	}
	record := servers.Record(t, "--audit", filepath.Join(disk, "record.jsonl"), at.Host)
	at.ForgetCalls(t)
	const pulls = 20
	crane, refused := servers.Crane(t), 0
	for range pulls {
		if got := crane.Run(t, "manifest", record.Host+"/src/repo:1"); got.Exit != 0 {
			refused++
		}
	}
	if exit := record.Stop(t); exit != 1 {
		t.Errorf("record ends with %d", exit)
	}
	if log := record.Log(); !strings.Contains(log, "no space left on device") {
		t.Errorf("it says %s", log)
	}
	if calls := len(at.Calls(t)); refused == 0 || calls >= 2*pulls {
		t.Errorf("%d of %d pulls are refused, and the registry got %d calls", refused, pulls, calls)
	}
}
