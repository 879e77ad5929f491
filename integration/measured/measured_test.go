// Package measured puts registries side by side by transship bench: make registries-measured. No test runs without
// TRANSSHIP_MEASURED, the folder for the results.
package measured

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/servers"
)

// registry is one that is measured.
type registry struct{ name, host string }

// results returns the folder for results, and skips the test if there is none.
func results(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TRANSSHIP_MEASURED")
	if dir == "" {
		t.Skip("TRANSSHIP_MEASURED names no folder for results: see make registries-measured")
	}
	return dir
}

// setting returns the value of an environment variable, or what it is without.
func setting(name, without string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return without
}

// turns returns how often each registry is measured.
func turns(t *testing.T) int {
	t.Helper()
	return int(number(t, []byte(setting("TURNS", "3")), `(.+)`))
}

// registries starts the registries whose names match REGISTRIES, with their content where TMPDIR is. ZOT and OLAREG name programs.
func registries(t *testing.T) (out []registry) {
	t.Helper()
	wanted, err := regexp.Compile(os.Getenv("REGISTRIES"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		name  string
		start func() servers.Endpoint
	}{
		{"transship serve", func() servers.Endpoint {
			return servers.Serve(t, "--writable", "-q", filepath.Join(t.TempDir(), "store")).Endpoint
		}},
		{"CNCF 3", func() servers.Endpoint { return servers.CNCF(t, servers.Options{}).Endpoint }},
		{"Debian 2.8", func() servers.Endpoint { return servers.Debian(t, servers.Options{}).Endpoint }},
		{"zot", func() servers.Endpoint { return servers.Zot(t, os.Getenv("ZOT")) }},
		{"olareg", func() servers.Endpoint { return servers.Olareg(t, os.Getenv("OLAREG")) }},
	} {
		variable := strings.ToUpper(r.name)
		switch {
		case !wanted.MatchString(r.name):
		case (r.name == "zot" || r.name == "olareg") && os.Getenv(variable) == "":
			t.Logf("%s is left out: %s names no program", r.name, variable)
		default:
			out = append(out, registry{r.name, r.start().Host})
		}
	}
	return out
}

// mixResult is what these tests read of a result.
type mixResult struct {
	OK        bool
	Error     string
	Scenarios []struct {
		Name        string
		Due, Failed int
		Latency     struct{ P50Ns, P999Ns int64 }
	}
	Knee      struct{ Rate float64 }
	Generator struct {
		Late           int
		CPUPercent     float64
		MachinePercent float64
	}
}

// mix runs bench mix, keeps the result in a file, and returns it whatever the exit code.
func mix(t *testing.T, file, host string, args ...string) (got mixResult) {
	t.Helper()
	transship, _ := servers.Transship(t)
	o := transship.Run(t, append(append([]string{"bench", "mix", "--json", "--seed", "1", "--yes"}, args...), host+"/bench")...)
	if err := json.Unmarshal([]byte(o.Stdout), &got); err != nil {
		t.Fatalf("%v, exit %d\n%s", err, o.Exit, o.Stderr)
	}
	if !got.OK {
		t.Logf("%s: %s", filepath.Base(file), got.Error)
	}
	if err := os.WriteFile(file, []byte(o.Stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	return got
}

// Each registry once in each turn, in an order by chance: a steady rate, and one that rises.
func TestRegistries(t *testing.T) {
	dir, all := results(t), registries(t)
	length, rate, ramp := setting("LENGTH", "15s"), setting("RATE", "100/s"), setting("RAMP", "100..3000/s")
	var steady, ramps []string
	for turn := range turns(t) {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, r := range all {
			file := filepath.Join(dir, fmt.Sprintf("%s-%d.json", strings.ReplaceAll(r.name, " ", "-"), turn))
			if got := mix(t, file, r.host, "--label", r.name, "--rate", rate, "--for", length, "--warmup", "3s"); got.OK {
				steady = append(steady, file)
			}
			rising := strings.TrimSuffix(file, ".json") + "-ramp.json"
			got := mix(t, rising, r.host, "--label", r.name, "--rate", ramp, "--scenario", "resolve,pull", "--for", length, "--warmup", "2s")
			t.Logf("%s: knee %g/s", r.name, got.Knee.Rate)
			if got.OK {
				ramps = append(ramps, rising)
			}
		}
	}
	slices.SortStableFunc(steady, byName)
	slices.SortStableFunc(ramps, byName)
	transship, _ := servers.Transship(t)
	report := append([]string{"bench", "report", "--html", filepath.Join(dir, "registries.html")}, append(steady, ramps...)...)
	t.Logf("\n%s", transship.Output(t, report...))
}

// byName puts the results of transship serve first, which the others are compared with.
func byName(a, b string) int {
	own := func(file string) int { return strings.Index(filepath.Base(file)+"transship", "transship") }
	if d := own(a) - own(b); d != 0 && (own(a) == 0 || own(b) == 0) {
		return d
	}
	return strings.Compare(a, b)
}

// A registry that is stopped for one second of thirty, at a steady rate: p99.9 is 0.9 s at least.
func TestStall(t *testing.T) {
	dir := results(t)
	r := servers.CNCF(t, servers.Options{})
	stalled := make(chan error)
	time.AfterFunc(15*time.Second, func() { stalled <- r.Stall(time.Second) }) // the preparation takes less
	got := mix(t, filepath.Join(dir, "stall.json"), r.Host, "--rate", "200/s", "--for", "30s", "--warmup", "0s", "--scenario", "resolve=9,tags")
	if err := <-stalled; err != nil || !got.OK {
		t.Fatal(err, got.Error)
	}
	for _, s := range got.Scenarios {
		t.Logf("%s: %d, median %s, p99.9 %s", s.Name, s.Due, time.Duration(s.Latency.P50Ns), time.Duration(s.Latency.P999Ns))
		if s.Latency.P999Ns < 900e6 || s.Failed > 0 {
			t.Errorf("p99.9 of %s does not show the stall", s.Name)
		}
	}
}

// The generator beside the registry: small reads at a rate.
func TestSmallReads(t *testing.T) {
	dir := results(t)
	for _, r := range registries(t) {
		got := mix(t, filepath.Join(dir, "small-"+strings.ReplaceAll(r.name, " ", "-")+".json"), r.host, "--label", r.name,
			"--rate", setting("READS", "5000/s"), "--for", "10s", "--warmup", "2s", "--scenario", "resolve")
		s, g := got.Scenarios[0], got.Generator
		t.Logf("%s: %d of %d failed, median %s, p99.9 %s; %d started late, %.0f%% of the processors, %.0f%% by all programs", r.name,
			s.Failed, s.Due, time.Duration(s.Latency.P50Ns), time.Duration(s.Latency.P999Ns), g.Late, g.CPUPercent, g.MachinePercent)
	}
}
