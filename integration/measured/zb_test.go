package measured

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/servers"
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
			t.Logf("%-30s %-15s %8.4g %8.4g %8.4g", row, r.name, median(rates[i]), rates[i][0], rates[i][len(rates[i])-1])
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

// zb, zot's benchmark, and bench push push images with a layer of 1 MiB, one after the other, in turns.
func TestAgreesWithZB(t *testing.T) {
	results(t)
	if os.Getenv("ZBENCH") == "" {
		t.Skip("ZBENCH names no program")
	}
	requests := setting("REQUESTS", "100")
	transship, _ := servers.Transship(t)
	for _, r := range registries(t) {
		var theirs, ours []float64
		for range turns(t) {
			out, err := zb(t, r.host, "Push Monolith 1MB", "1", requests)
			if err != nil {
				t.Errorf("%s: %v", r.name, err)
				break
			}
			theirs = append(theirs, number(t, out, `p50:\s+(\S+)`))
			var got struct {
				Cells []struct{ NsPerOp struct{ Median float64 } }
			}
			result := transship.Output(t, "bench", "push", "--json", "--yes", "--jobs", "1", "--count", requests, "--size", "1x1MiB", r.host+"/bench")
			if err := json.Unmarshal([]byte(result), &got); err != nil {
				t.Fatal(err)
			}
			ours = append(ours, got.Cells[0].NsPerOp.Median)
		}
		if len(ours) > 0 {
			t.Logf("%s: zb %s, bench push %s, medians of %d turns: %.2f", r.name, time.Duration(median(theirs)), time.Duration(median(ours)),
				len(ours), median(ours)/median(theirs))
		}
	}
}

// median sorts what it is given.
func median(of []float64) float64 {
	slices.Sort(of)
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2
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
