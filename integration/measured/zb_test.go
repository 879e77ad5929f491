package measured

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// zb runs one row of zot's benchmark, whose program ZBENCH names, and returns what it prints.
func zb(t *testing.T, host, row, clients, requests string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(os.Getenv("ZBENCH"), "-c", clients, "-n", requests, "-t", "^"+regexp.QuoteMeta(row)+"$",
		"-d", t.TempDir(), "http://"+host)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("zb, %s: %w\n%s", row, err, out)
	}
	return out, nil
}

// zbRows returns the rows of zb that match ROWS. Those of zot's own sync need a second registry of its kind.
func zbRows(t *testing.T) (rows []string) {
	t.Helper()
	wanted, err := regexp.Compile(os.Getenv("ROWS"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := exec.Command(os.Getenv("ZBENCH"), "--list-tests", "http://localhost").Output()
	if err != nil {
		t.Fatalf("zb: %v", err)
	}
	for row := range strings.SplitSeq(strings.TrimSpace(string(list)), "\n") {
		if wanted.MatchString(row) && !strings.HasPrefix(row, "On-demand Sync") {
			rows = append(rows, row)
		}
	}
	return rows
}

// Each row of zb, with all registries in turns: requests per second. A row with which zb fails at a registry ends there alone.
func TestZB(t *testing.T) {
	results(t)
	if os.Getenv("ROWS") == "" || os.Getenv("ZBENCH") == "" {
		t.Skip("ROWS selects no rows, or ZBENCH names no program: see make zb")
	}
	all, clients, requests := registries(t), setting("CLIENTS", "4"), setting("REQUESTS", "40")
	t.Logf("requests per second of zb -c %s -n %s, the median of %d turns, the least and the most", clients, requests, turns(t))
	var failures []string // said at the end, where they are seen
	for _, row := range zbRows(t) {
		rates, failed := make([][]float64, len(all)), make([]error, len(all))
		for turn := range turns(t) {
			for i := range all {
				at := (i + turn) % len(all) // no registry is always the first
				if failed[at] != nil {
					continue
				}
				var rate float64
				if rate, failed[at] = zbRate(t, all[at].host, row, clients, requests); failed[at] == nil {
					rates[at] = append(rates[at], rate)
				}
			}
		}
		for i, r := range all {
			if failed[i] != nil {
				failures = append(failures, fmt.Sprintf("%s: %v", r.name, failed[i]))
				t.Logf("%-30s %-15s failed", row, r.name)
				continue
			}
			slices.Sort(rates[i])
			n := len(rates[i])
			t.Logf("%-30s %-15s %8.4g %8.4g %8.4g", row, r.name, (rates[i][(n-1)/2]+rates[i][n/2])/2, rates[i][0], rates[i][n-1])
		}
	}
	for _, failure := range failures {
		t.Error(failure)
	}
}

// zbRate returns the requests per second of a row.
func zbRate(t *testing.T, host, row, clients, requests string) (float64, error) {
	t.Helper()
	out, err := zb(t, host, row, clients, requests)
	if err != nil {
		return 0, err
	}
	if failed := number(t, out, `Failed requests:\s+(\S+)`); failed > 0 {
		return 0, fmt.Errorf("zb, %s: %g of %s requests failed", row, failed, requests)
	}
	return number(t, out, `Requests per second:\s+(\S+)`), nil
}

// zb, zot's benchmark, pushes images of a layer of 1 MiB one after the other. bench mix makes the same five calls, at half
// of the rate that zb has reached: one at a time too.
func TestAgreesWithZB(t *testing.T) {
	dir := results(t)
	if os.Getenv("ZBENCH") == "" {
		t.Skip("ZBENCH names no program")
	}
	for _, r := range registries(t) {
		for turn := range turns(t) {
			out, err := zb(t, r.host, "Push Monolith 1MB", "1", "100")
			if err != nil {
				t.Errorf("%s: %v", r.name, err)
				break
			}
			rate, p50 := number(t, out, `Requests per second:\s+(\S+)`), number(t, out, `p50:\s+(\S+)`)
			got := mix(t, filepath.Join(dir, fmt.Sprintf("zb-%s-%d.json", strings.ReplaceAll(r.name, " ", "-"), turn)), r.host, "--rate",
				fmt.Sprintf("%.1f/s", rate/2), "--scenario", "push", "--size", "1MiB", "--for", setting("LENGTH", "15s"), "--warmup", "1s", "--outstanding", "1")
			ours := float64(got.Scenarios[0].Latency.P50Ns)
			t.Logf("%s: zb %s at %.0f/s, bench mix %s: %.2f", r.name, time.Duration(p50), rate, time.Duration(ours), ours/p50)
		}
	}
}

// number returns a number in a text, a duration in nanoseconds.
func number(t *testing.T, out []byte, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		t.Fatalf("there is no %s:\n%s", pattern, out)
	}
	if d, err := time.ParseDuration(string(m[1])); err == nil {
		return float64(d)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
