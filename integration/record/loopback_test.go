package record

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A pull of 419 MB from transship serve on this machine, directly and through a recorder, by turns, by each of several
// clients: seconds of each, and the ratio, as medians. It runs where TMPDIR is.
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
		for _, client := range pullers {
			b.Run(client.name+"/"+mode.name, func(b *testing.B) {
				at := servers.Serve(b, append(slices.Clone(mode.registry), store)...)
				recorder := servers.Record(b, append(slices.Clone(mode.recorder),
					"--audit", filepath.Join(b.TempDir(), "record.jsonl"), "--ca", certificates.CAFile, at.Host)...)
				comparePulls(b, client.new(b, certificates), pulled{at.Host, mode.registry != nil}, pulled{recorder.Host, mode.recorder != nil})
			})
		}
	}
}

// pulled is a registry that a pull of src/repo:1 is measured from.
type pulled struct {
	host string
	tls  bool
}

// comparePulls measures pulls from two registries by turns.
func comparePulls(b *testing.B, pull func(b *testing.B, from pulled, dir string), at, recorder pulled) {
	once := func(from pulled) float64 {
		dir := filepath.Join(b.TempDir(), "image")
		began := time.Now()
		pull(b, from, dir)
		took := time.Since(began).Seconds()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		return took
	}
	var direct, recorded, ratio []float64
	for b.Loop() {
		direct, recorded = append(direct, once(at)), append(recorded, once(recorder))
		ratio = append(ratio, recorded[len(recorded)-1]/direct[len(direct)-1])
	}
	b.Logf("directly %.2f s, recorded %.2f s, ratios %.2f", direct, recorded, ratio)
	b.ReportMetric(median(direct), "s/direct")
	b.ReportMetric(median(recorded), "s/recorded")
	b.ReportMetric(median(ratio), "ratio")
}

// pullers are clients that trust a CA. The first one, which keeps nothing, does least with the bytes; the others write
// the image into a folder that does not exist.
var pullers = []struct {
	name string
	new  func(*testing.B, *servers.Certificates) func(b *testing.B, from pulled, dir string)
}{
	{"transship", func(b *testing.B, trusted *servers.Certificates) func(*testing.B, pulled, string) {
		transship, _ := servers.Transship(b)
		return func(b *testing.B, from pulled, _ string) {
			transship.Output(b, "copy", "-q", "--ranges", "1", "--src-ca", trusted.CAFile, from.host+"/src/repo:1", "null:")
		}
	}},
	{"crane", func(b *testing.B, trusted *servers.Certificates) func(*testing.B, pulled, string) {
		crane := servers.Crane(b)
		crane.Env = append(slices.Clip(crane.Env), "SSL_CERT_FILE="+trusted.CAFile)
		return func(b *testing.B, from pulled, dir string) {
			crane.Output(b, "pull", "--format", "oci", from.host+"/src/repo:1", dir)
		}
	}},
	{"skopeo", func(b *testing.B, trusted *servers.Certificates) func(*testing.B, pulled, string) {
		skopeo := servers.Skopeo(b)
		skopeo.Env = append(slices.Clip(skopeo.Env), "SSL_CERT_FILE="+trusted.CAFile)
		return func(b *testing.B, from pulled, dir string) {
			args := []string{"copy", "docker://" + from.host + "/src/repo:1", "dir:" + dir}
			if !from.tls {
				args = slices.Insert(args, 1, "--src-tls-verify=false")
			}
			skopeo.Output(b, args...)
		}
	}},
	{"oras", func(b *testing.B, trusted *servers.Certificates) func(*testing.B, pulled, string) {
		oras := servers.Oras(b)
		return func(b *testing.B, from pulled, dir string) {
			args := []string{"copy", "--from-plain-http", "--to-oci-layout", from.host + "/src/repo:1", dir + ":1"}
			if from.tls {
				args = slices.Replace(args, 1, 2, "--from-ca-file", trusted.CAFile)
			}
			oras.Output(b, args...)
		}
	}},
}
