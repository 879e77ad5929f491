package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

const mib = 1 << 20

// A copy of 140 MB needs less than 40 MiB of resident memory, over any kind of connection.
func TestMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("what is resident is read from Linux's /proc")
	}
	im := fixture.Synthetic(fixture.Spec{Seed: 41, Layers: slices.Repeat([]int64{17 * mib}, 8)})
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	push(t, from, im, "src/repo", "1.6")
	certs := servers.NewCertificates(t)
	tls := servers.ProxyOptions{TLS: certs, HTTP2: true}
	secureFrom, secureTo := servers.Nginx(t, from, tls), servers.Nginx(t, to, tls)
	trust := []string{"--src-ca", certs.CAFile, "--dst-ca", certs.CAFile}

	for i, c := range []struct {
		name     string
		from, to string
		flags    []string
	}{
		{"plain", from.Host, to.Host, nil},
		{"chunks", from.Host, to.Host, []string{"--chunk-size=16MiB"}},
		{"audit", from.Host, to.Host, []string{"--audit=" + filepath.Join(t.TempDir(), "audit.har"),
			"--chunk-size=40KiB"}}, // 3,500 calls
		{"HTTP/2", secureFrom.Host, secureTo.Host, trust},
		{"HTTP/2, many jobs, chunks", secureFrom.Host, secureTo.Host,
			slices.Concat(trust, []string{"--jobs=16", "--chunk-size=16MiB"})},
		{"TLS, many jobs", secureFrom.Host, secureTo.Host, slices.Concat(trust, []string{"--http1", "--jobs=16"})},
	} {
		repository := fmt.Sprintf("dst/repo%d", i)
		transship, _ := servers.Transship(t)
		copying := begin(t, transship,
			append([]string{"copy", c.from + "/src/repo:1.6", c.to + "/" + repository + ":1.6"}, c.flags...)...)
		peak := servers.Peak(copying.Process.Pid)
		got := copying.end(t)
		if got.Exit != 0 {
			t.Fatalf("%s: %+v", c.name, got)
		}
		most := <-peak
		t.Logf("%s: at most %d KiB resident", c.name, most>>10)
		if most < mib || most >= 40*mib {
			t.Errorf("%s: at most %d KiB resident, want less than 40 MiB", c.name, most>>10)
		}
	}
	if err := to.Repository("dst/repo0").Verify(t.Context(), im, "1.6"); err != nil {
		t.Error(err)
	}
}
