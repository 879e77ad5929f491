// Package conformance holds what transship probe says of registries against what the conformance program of the OCI
// Distribution specification says of them.
package conformance

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// kept is what a run of the program has said of a registry, and probe beside it.
type kept struct {
	Program     string            `json:"program"` // the conformance program's module and version
	Passed      int               `json:"passed"`
	Total       int               `json:"total"`
	Conformance map[string]string `json:"conformance"` // yes or no for each row of probe that the program tests too
	Probe       map[string]string `json:"probe"`       // all rows of probe
}

// peer is a registry that both are run against.
type peer struct {
	name   string // of its file in testdata/conformance
	title  string // in docs/registries.md
	sparse bool   // it accepts what refers to content that it does not have
	start  func(testing.TB) string
}

// everywhere are the registries that every run of the tests starts.
func everywhere() []peer {
	serve := func(flags ...string) func(testing.TB) string {
		return func(t testing.TB) string {
			return servers.Serve(t, append(flags, "--writable", filepath.Join(t.TempDir(), "images"))...).Host
		}
	}
	return []peer{
		{"cncf3", "CNCF distribution 3", false, func(t testing.TB) string { return servers.CNCF(t, servers.Options{}).Host }},
		{"cncf2", "CNCF distribution 2.8", false, func(t testing.TB) string { return servers.Debian(t, servers.Options{}).Host }},
		{"serve", "`serve`", false, serve()},
		{"serve-sparse", "", true, serve("--sparse")},
	}
}

// report is what is read of probe --json.
type report struct {
	Rows  []probedRow
	Calls []any
	Left  []string
}

type probedRow struct{ ID, Row, What, Verdict, Detail string }

// probe runs transship probe --write on a registry.
func probe(t testing.TB, host string) report {
	t.Helper()
	transship, _ := servers.Transship(t)
	var r report
	out := transship.Output(t, "probe", "--write", "--json", host+"/team/probe")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Calls) > 60 || len(r.Left) > 0 {
		t.Errorf("%d calls, left: %v", len(r.Calls), r.Left)
	}
	return r
}

func (r report) verdicts() map[string]string {
	out := map[string]string{}
	for _, row := range r.Rows {
		out[row.ID] = row.Verdict
	}
	return out
}

const folder = "../testdata/conformance"

func load(t testing.TB, name string) kept {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// compare reports the rows for which two have other verdicts.
func compare(t testing.TB, got, want map[string]string, whose string) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id] != want[id] {
			t.Errorf("%s: probe says %q, %s %q", id, got[id], whose, want[id])
		}
	}
}

var update = flag.Bool("update", false, "rewrite testdata/conformance and the table of docs/registries.md")

// Probe says of each registry that is at hand what the program has said of it, for every row that both test. What it says of
// the others was compared when it was kept.
func TestProbeIsAsTheProgram(t *testing.T) {
	t.Parallel()
	for _, at := range everywhere() {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			want := load(t, at.name)
			got := probe(t, at.start(t)).verdicts()
			compare(t, got, want.Conformance, "the conformance program")
			compare(t, got, want.Probe, "the kept run")
			if len(want.Conformance) < 25 || len(got) != len(want.Probe) {
				t.Errorf("%d rows, %d are kept, and %d were tested by the program too",
					len(got), len(want.Probe), len(want.Conformance))
			}
		})
	}
	for _, name := range []string{"olareg", "zot"} {
		k := load(t, name)
		compare(t, k.Probe, k.Conformance, "the conformance program")
	}
}

// Serve is what the program wants of a registry: every test passes.
func TestServePassedAll(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"serve", "serve-sparse"} {
		if k := load(t, name); k.Passed != k.Total || k.Total < 986 {
			t.Errorf("%s: %d of %d passed", name, k.Passed, k.Total)
		}
	}
}
