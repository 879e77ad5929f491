package record

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
	"github.com/hczjl/transship/integration/wan"
)

// A pull over 100 ms and 400 Mbit/s, directly and through a recorder beside the client, by turns: seconds of each, and the
// ratio, as medians.
func BenchmarkOverALongLink(b *testing.B) {
	link, err := wan.New(b)
	if errors.Is(err, wan.ErrMissing) {
		b.Skip(err)
	}
	if err == nil {
		err = link.Set(wan.Path{RTT: 100 * time.Millisecond, Rate: 400e6 / 8, Queue: 100 * time.Millisecond}, 1)
	}
	if err != nil {
		b.Fatal(err)
	}
	certificates := servers.NewCertificates(b)
	at := servers.CNCF(b, servers.Options{TLS: certificates, At: link.Far})
	im := fixture.Synthetic(fixture.Spec{Seed: 47, Layers: []int64{120 << 20, 40 << 20, 20 << 20, 10 << 20}})
	if err := at.Repository("src/repo").Push(b.Context(), im, "1"); err != nil {
		b.Fatal(err)
	}
	client, _ := servers.Transship(b)
	client.Args = append(slices.Clone(link.Near.Enter[1:]), client.Path)
	client.Path = link.Near.Enter[0]
	pull := func(host string) float64 {
		began := time.Now()
		client.Output(b, "copy", "-q", "--src-ca", certificates.CAFile, host+"/src/repo:1", "null:")
		return time.Since(began).Seconds()
	}
	var direct, recorded, ratio []float64
	for b.Loop() {
		recorder := servers.RecordAt(b, link.Near, "--audit", filepath.Join(b.TempDir(), "record.jsonl"), "--ca", certificates.CAFile, at.Host)
		direct, recorded = append(direct, pull(at.Host)), append(recorded, pull(recorder.Host))
		recorder.Stop(b) // a new one has no connections
		ratio = append(ratio, recorded[len(recorded)-1]/direct[len(direct)-1])
	}
	b.Logf("directly %.2f s, recorded %.2f s, ratios %.3f", direct, recorded, ratio)
	b.ReportMetric(median(direct), "s/direct")
	b.ReportMetric(median(recorded), "s/recorded")
	b.ReportMetric(median(ratio), "ratio")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
