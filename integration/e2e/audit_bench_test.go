package e2e

import (
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// BenchmarkAudit copies 400 MB between two registries without an audit, with one of JSON lines and with a HAR, in turn, and
// reports the medians of the program's own CPU time (user and system) and of the ratios of each turn:
//
//	go test ./e2e -run '^$' -bench Audit -benchtime 10x
func BenchmarkAudit(b *testing.B) {
	im := fixture.Synthetic(fixture.Spec{Seed: 43, Layers: slices.Repeat([]int64{25 * mib}, 16)})
	_, source := withFaults(b, im)
	transship, _ := servers.Transship(b)
	dir := b.TempDir()
	ways := map[string][]string{
		"plain": nil,
		"jsonl": {"--audit", filepath.Join(dir, "audit.jsonl")},
		"har":   {"--audit", filepath.Join(dir, "audit.har")},
	}
	cpu, ratios := map[string][]float64{}, map[string][]float64{}
	b.SetBytes(16 * 25 * mib)
	for b.Loop() {
		for way, flags := range ways {
			cpu[way] = append(cpu[way], copyCPU(b, transship, source, flags))
		}
		last := len(cpu["plain"]) - 1
		for _, way := range []string{"jsonl", "har"} {
			ratios[way] = append(ratios[way], cpu[way][last]/cpu["plain"][last])
		}
	}
	b.ReportMetric(0, "ns/op") // three copies are no operation
	for way := range ways {
		b.ReportMetric(median(cpu[way]), "cpu-ns/"+way)
	}
	b.ReportMetric(median(ratios["jsonl"]), "jsonl/plain")
	b.ReportMetric(median(ratios["har"]), "har/plain")
}

// copyCPU copies to an empty registry and returns the CPU time of the program in nanoseconds.
func copyCPU(b *testing.B, transship servers.Program, source string, flags []string) float64 {
	b.Helper()
	target := httptest.NewServer(&registry.Handler{})
	defer target.Close()
	args := slices.Concat([]string{"copy", "-q"}, flags,
		[]string{source + "/src/repo:1.6", strings.TrimPrefix(target.URL, "http://") + "/dst/repo:1.6"})
	cmd := exec.CommandContext(b.Context(), transship.Path, args...)
	cmd.Env = transship.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return float64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
