package servers

import (
	"strings"
	"testing"
)

// The program under test builds and runs.
func TestTransship(t *testing.T) {
	t.Parallel()
	transship, _ := Transship(t)
	if got := transship.Output(t, "version"); !strings.Contains(got, "transship") {
		t.Errorf("version printed %q", got)
	}
	if got := transship.Run(t, "no-such-command"); got.Exit != 2 || got.Stderr == "" {
		t.Errorf("an unknown command: %+v", got)
	}
}
