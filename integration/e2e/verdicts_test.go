package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// Signatures are checked without a network: in a namespace without routes, every eighth of the images in
// testdata/verdicts gets the verdict that it has elsewhere.
func TestVerdictsOffline(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("../../testdata/verdicts/*/verdict.json")
	if err != nil || len(cases) < 40 {
		t.Fatalf("%d cases, error %v", len(cases), err)
	}
	shell := newPageShell(t)
	shell.Program = servers.Offline(t, shell.Program)
	script, want := "set +e\nwc -l < /proc/net/route\n", "0\n"
	for i := 0; i < len(cases); i += 8 {
		raw, err := os.ReadFile(cases[i])
		if err != nil {
			t.Fatal(err)
		}
		var stored struct {
			Accepts bool
			Ours    *bool
		}
		if err := json.Unmarshal(raw, &stored); err != nil {
			t.Fatal(err)
		}
		accepts := stored.Accepts
		if stored.Ours != nil {
			accepts = *stored.Ours
		}
		folder, err := filepath.Abs(filepath.Dir(cases[i]))
		if err != nil {
			t.Fatal(err)
		}
		script += fmt.Sprintf("transship verify --require-signature %[1]s/policy.json oci:%[1]s/layout >&2; echo $(($? == 0)) %[2]s\n",
			shellQuote(folder), filepath.Base(folder))
		want += fmt.Sprintf("%d %s\n", map[bool]int{true: 1}[accepts], filepath.Base(folder))
	}
	if got := shell.Run(t, script); got.Stdout != want {
		t.Errorf("got\n%s\nwant\n%s\n%s", got.Stdout, want, got.Stderr)
	}
	if strings.Count(want, "\n1 ") == 0 || strings.Count(want, "\n0 ") == 0 {
		t.Errorf("the cases are all alike:\n%s", want)
	}
}
