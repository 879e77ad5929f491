package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A full disk ends the run with exit code 1. The records written so far stay sound.
func TestAuditOnFullDisk(t *testing.T) {
	t.Parallel()
	dir, _ := servers.SmallDisk(t, 1<<20)
	writeFile(t, dir, "filler", strings.Repeat("x", 1<<20-8<<10))
	im := fixture.Real()
	for i, format := range formats {
		faults, host := withFaults(t, im)
		_, target := withFaults(t, im)
		faults.ResetRequests()
		transship, _ := servers.Transship(t)
		file := filepath.Join(dir, "audit."+format)
		got := transship.Run(t, "copy", "-q", "--audit", file, host+"/src/repo:1.6",
			fmt.Sprintf("%s/dst/repo%d:1.6", target, i))
		wantRefused(t, got, exitFailed, "audit file "+file+": no space left on device",
			"hint: a run that cannot be recorded is stopped")
		if entries := readAudit(t, file); len(entries) == 0 || len(entries) > 10 {
			t.Errorf("%d entries in 8 kB", len(entries))
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}
