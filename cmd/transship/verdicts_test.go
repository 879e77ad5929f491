package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// testdata/verdicts has signed images with the verdicts of cosign, sigstore-go and notation-go, which make verdicts takes from the
// tools themselves. verify --require-signature gives the same ones, or those that the case says and docs/security.md explains.
func TestVerdictsOfOtherTools(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("../../testdata/verdicts/*/verdict.json")
	if err != nil || len(folders) < 40 {
		t.Fatalf("%d cases, error %v", len(folders), err)
	}
	for _, name := range folders {
		folder, err := filepath.Abs(filepath.Dir(name))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(folder, "verdict.json"))
			if err != nil {
				t.Fatal(err)
			}
			var stored struct {
				About, Tool, Reason string
				Accepts             bool
				Ours                *bool
			}
			if err := json.Unmarshal(raw, &stored); err != nil {
				t.Fatal(err)
			}
			want := stored.Accepts
			if stored.Ours != nil {
				want = *stored.Ours
			}
			o := newProgram(t).run("verify", "--require-signature", filepath.Join(folder, "policy.json"), "oci:"+filepath.Join(folder, "layout"))
			if refused := o.code == 9 || o.code == 7; want != (o.code == 0) || want == refused {
				t.Errorf("%s: exit %d; %s accepts: %t %s\n%s%s", stored.About, o.code, stored.Tool, stored.Accepts, stored.Reason, o.stdout, o.stderr)
			}
		})
	}
}
