package transfer

import (
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// To ask whether content is on its way does not make the ledger grow.
func TestLedgerIsInFlight(t *testing.T) {
	var l ledger
	to := place{"registry", "repo"}
	for _, d := range []manifest.Descriptor{{Digest: "sha256:aa", Size: 1}, {Digest: "sha256:bb", Size: blob.LargeSize}} {
		if l.isInFlight(to, d) || len(l.recent)+len(l.large) != 0 {
			t.Errorf("%s: %d entries before a claim", d.Digest, len(l.recent)+len(l.large))
		}
		c, err := l.claim(t.Context(), to, d)
		if err != nil || !l.isInFlight(to, d) {
			t.Errorf("%s: not in flight, %v", d.Digest, err)
		}
		c.release(true, d.Size)
		if l.isInFlight(to, d) {
			t.Errorf("%s: in flight after its arrival", d.Digest)
		}
		l = ledger{}
	}
}
