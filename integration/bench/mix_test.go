package bench

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// mixResult is what bench mix --json prints.
type mixResult struct {
	OK        bool
	Corpus    string
	Scenarios []struct {
		Name        string
		Due, Failed int
		Errors      map[string]int
	}
}

// mix runs bench mix with so few operations that no machine is too slow for them.
func mix(t *testing.T, transship servers.Program, args ...string) (got mixResult) {
	t.Helper()
	line := []string{"bench", "mix", "--json", "--seed", "7", "--rate", "3/s", "--read", "50", "--for", "3s", "--warmup", "0s", "--images", "2"}
	o := transship.Run(t, append(line, args...)...)
	if err := json.Unmarshal([]byte(o.Stdout), &got); err != nil || o.Exit != 0 {
		t.Fatalf("%v, exit %d\n%s%s", err, o.Exit, o.Stdout, o.Stderr)
	}
	if strings.Contains(o.Stderr, "left on") {
		t.Errorf("it says\n%s", o.Stderr)
	}
	return got
}

// Every scenario succeeds on each registry, and all that was pushed is removed.
func TestMixOnRegistries(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	for name, r := range map[string]*servers.Registry{
		"CNCF": servers.CNCF(t, servers.Options{}), "Debian": servers.Debian(t, servers.Options{}),
	} {
		got := mix(t, transship, r.Host+"/bench")
		if len(got.Scenarios) != 7 {
			t.Errorf("%s: %+v", name, got)
		}
		for _, s := range got.Scenarios {
			if s.Due == 0 || s.Failed > 0 {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if links, put := linkFiles(t, r.Dir); len(links) > 0 || put == 0 {
			t.Errorf("%s still has %q, of %d", name, links, put)
		}
	}
}

// Two machines with one seed have one corpus: here two network namespaces, each with nothing but its own
// loopback.
func TestMixCorpusInTwoNamespaces(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	servers.Find(t, "ip", "iproute2")
	var corpora []string
	for range 2 {
		inside := servers.Offline(t, transship)
		loopback := []string{"sh", "-c", `ip link set lo up && exec "$0" "$@"`, transship.Path}
		inside.Args = append(inside.Args[:len(inside.Args)-1], loopback...)
		corpora = append(corpora, mix(t, inside).Corpus)
	}
	if corpora[0] != corpora[1] || !strings.HasPrefix(corpora[0], "sha256:") {
		t.Errorf("%q", corpora)
	}
}
