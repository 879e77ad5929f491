package main

import (
	"encoding/json"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// wantOutcome checks standard output of a failed run that has no result: the outcome alone as JSON,
// or nothing.
func (o result) wantOutcome(asJSON bool) {
	o.t.Helper()
	if !asJSON {
		if o.stdout != "" {
			o.t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
		return
	}
	var members map[string]any
	var outcome cli.Outcome
	if err := json.Unmarshal([]byte(o.stdout), &members); err != nil {
		o.t.Errorf("%s\nprints %s: %v", o.line, o.stdout, err)
		return
	}
	_ = json.Unmarshal([]byte(o.stdout), &outcome)
	for _, optional := range []string{"hint"} {
		delete(members, optional)
	}
	if len(members) != 3 || outcome.OK || outcome.Error == "" || outcome.ExitCode != o.code {
		o.t.Errorf("%s\nfails with %d and prints %s", o.line, o.code, o.stdout)
	}
}
