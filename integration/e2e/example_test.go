package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// The example in docs: a recorded copy of the demo's image between two registries, and its
// waterfall. TRANSSHIP_EXAMPLE names the folder to write to, as "make example" does.
func TestExample(t *testing.T) {
	dir := os.Getenv("TRANSSHIP_EXAMPLE")
	if dir == "" {
		dir = t.TempDir()
	}
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Real()
	source := push(t, from, im, "halohub/halo", "1.6")
	transship, _ := servers.Transship(t)
	transship.Dir = dir
	runCopy(t, transship, im, "--audit", "example.har", source, to.Host+"/hczjl/halo:1.6")
	transship.Output(t, "audit", "waterfall", "example.har", "-o", "example.svg")
	transship.Output(t, "audit", "verify", "example.har")
	if entries := readAudit(t,
		filepath.Join(dir, "example.har")); len(entries) != 1+len(im.Manifests)+3*len(im.Blobs)+len(im.Manifests) {
		t.Errorf("%d calls", len(entries))
	}
}

// The committed example is a HAR with a sound chain.
func TestCommittedExample(t *testing.T) {
	if entries := readAudit(t, "../../docs/example.har"); len(entries) == 0 {
		t.Error("it has no calls")
	}
}
