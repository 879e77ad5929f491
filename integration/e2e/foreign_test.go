package e2e

import (
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// CNCF distribution refuses layers whose URLs its configuration does not allow. What it says is what
// the user sees.
func TestRegistryRefusesTheURLsOfForeignLayers(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	src, dst := servers.CNCF(t, servers.Options{ForeignLayers: true}), servers.CNCF(t, servers.Options{})
	from := push(t, src, withForeignLayer(t, fixture.Real().Only("linux/amd64")), "repo", "1.6")
	got := transship.Run(t, "copy", "-q", from, dst.Host+"/repo:1.6")
	wantRefused(t, got, 1, "500 Internal Server Error: UNKNOWN unknown error", "validation.manifests.urls.allow")
}
