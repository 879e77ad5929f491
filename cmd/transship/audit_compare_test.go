package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// Two runs stand side by side: their calls by endpoint, and what one of them asked for again.
func TestAuditCompare(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	home := c.env["HOME"]
	record, own := filepath.Join(home, "twice.har"), filepath.Join(home, "copy.jsonl")
	r := c.start("record", "--audit", record, c.source.host)
	name := r.host + strings.TrimPrefix(c.src, c.source.host)
	c.run("inspect", "--raw", name).want(0)
	c.run("inspect", "--raw", name).want(0)
	r.stop().want(0)
	c.run("copy", "--audit", own, c.src, c.dst).want(0)

	o := c.run("audit", "compare", record, own).want(0)
	for _, line := range []string{
		"twice.har copy.jsonl",
		"client transship/" + cli.Version + " transship/" + cli.Version,
		"calls 2 30",
		"asked for again 1 -",
		"end-2 pull blob - 7",
		"end-3 pull manifest 2 5",
		"2 GET " + c.source.host + " src/repo/manifests/1.6",
	} {
		if !hasWords(o.stdout, line) {
			t.Errorf("no line %q in\n%s", line, o.stdout)
		}
	}
	var got struct {
		Runs []struct {
			File      string
			FirstByte struct{ Calls int }
			Repeated  []struct{ Times int }
		}
	}
	o = c.run("audit", "compare", "--json", record, own).want(0)
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || len(got.Runs) != 2 || got.Runs[1].File != own ||
		len(got.Runs[0].Repeated) != 1 || got.Runs[0].Repeated[0].Times != 2 || got.Runs[1].FirstByte.Calls == 0 {
		t.Errorf("%v: %s", err, o.stdout)
	}
	c.run("audit", "compare", own).want(cli.ExitUsage, "want FILE FILE [FILE...], got 1 argument")
	c.run("audit", "compare", own, filepath.Join(home, "none.har")).want(cli.ExitNotFound, "none.har")
}

// hasWords reports whether a text has a line of these words, whatever is between them.
func hasWords(text, words string) bool {
	for line := range strings.Lines(text) {
		if strings.Join(strings.Fields(line), " ") == words {
			return true
		}
	}
	return false
}
