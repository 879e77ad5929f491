package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// CNCF distribution as a pull-through cache is a mirror: it gets the image from its registry, and has
// it still when that is gone. The image keeps its name and bytes.
func TestPullThroughMirror(t *testing.T) {
	t.Parallel()
	registry, target := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	mirror := servers.CNCF(t, servers.Options{MirrorOf: registry.URL})
	im := fixture.Real()
	src := push(t, registry, im, "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	writeFile(t, dir, "config.json", fmt.Sprintf(`{"version": 1, "hosts": {%q: {"mirrors": [%q]}}}`, registry.Host, mirror.URL))
	transship.Env = append(transship.Env, "TRANSSHIP_CONFIG="+dir+"/config.json")

	copied := func(name string) {
		t.Helper()
		dst := target.Host + "/" + name
		got := transship.Run(t, "copy", src, dst)
		if served := "by its mirror " + mirror.Host; got.Exit != 0 || !strings.Contains(got.Stderr, served) ||
			strings.Contains(got.Stderr, "by itself") {
			t.Errorf("exit %d, want all served %s\n%s", got.Exit, served, got.Stderr)
		}
		if want := dst + "@" + im.Root().Digest.String() + "\n"; got.Stdout != want {
			t.Errorf("prints %s, want %s", got.Stdout, want)
		}
		transship.Output(t, "verify", "--deep", dst)
	}
	copied("warm:1")
	registry.Kill()
	copied("cached:1")
}
