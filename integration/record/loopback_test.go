package record

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A pull of 419 MB from transship serve on this machine, directly and through a recorder, by turns: seconds of
// each, and the ratio, as medians. It runs where TMPDIR is.
func BenchmarkOnLoopback(b *testing.B) {
	store := filepath.Join(b.TempDir(), "store")
	const layer = 100 << 20
	im := fixture.Synthetic(fixture.Spec{Seed: 48, Layers: []int64{layer, layer, layer, layer}})
	filling := servers.Serve(b, "--writable", store)
	if err := filling.Repository("src/repo").Push(b.Context(), im, "1"); err != nil {
		b.Fatal(err)
	}
	filling.Stop(b)
	certificates := servers.NewCertificates(b)
	tls := []string{"--tls-cert", certificates.ServerCertFile, "--tls-key", certificates.ServerKeyFile}
	for _, mode := range []struct {
		name               string
		registry, recorder []string // flags
	}{{"plain", nil, nil}, {"TLS to the registry", tls, nil}, {"TLS to both", tls, tls}} {
		b.Run(mode.name, func(b *testing.B) {
			at := servers.Serve(b, append(slices.Clone(mode.registry), store)...)
			recorder := servers.Record(b, append(slices.Clone(mode.recorder),
				"--audit", filepath.Join(b.TempDir(), "record.jsonl"), "--ca", certificates.CAFile, at.Host)...)
			client, _ := servers.Transship(b)
			pull := func(host string) float64 {
				began := time.Now()
				client.Output(b, "copy", "-q", "--ranges", "1", "--src-ca", certificates.CAFile, host+"/src/repo:1", "null:")
				return time.Since(began).Seconds()
			}
			var direct, recorded, ratio []float64
			for b.Loop() {
				direct, recorded = append(direct, pull(at.Host)), append(recorded, pull(recorder.Host))
				ratio = append(ratio, recorded[len(recorded)-1]/direct[len(direct)-1])
			}
			b.Logf("directly %.2f s, recorded %.2f s, ratios %.2f", direct, recorded, ratio)
			b.ReportMetric(median(direct), "s/direct")
			b.ReportMetric(median(recorded), "s/recorded")
			b.ReportMetric(median(ratio), "ratio")
		})
	}
}
