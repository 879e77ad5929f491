package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// host is a host that a run called.
type host struct {
	name   string
	rows   map[string]bool // the rows of its calls
	writes bool            // a call changed something there
}

// addHost notes a call to a host.
func (c *Calls) addHost(name string, e audit.Entry) {
	i := slices.IndexFunc(c.hosts, func(h host) bool { return h.name == name })
	if i < 0 {
		i = len(c.hosts)
		c.hosts = append(c.hosts, host{name: name, rows: map[string]bool{}})
	}
	c.hosts[i].rows[e.Row] = true
	if e.Method != "GET" && e.Method != "HEAD" && e.Row != "token" {
		c.hosts[i].writes = true
	}
}

// role is what the run used the host for.
func (h host) role() string {
	switch {
	case h.writes:
		return "target"
	case len(h.rows) == 1 && h.rows["token"]:
		return "token server"
	case len(h.rows) == 1 && h.rows["redirect"]:
		return "storage"
	}
	return "source"
}

// pairHosts pairs each host of a with the host of b that has its name, or else with one that has
// its role and whose name a does not have. Both lists are in the order of the hosts' first calls.
func pairHosts(a, b []host) []HostPair {
	out := []HostPair{}
	taken := map[string]bool{}
	pair := func(h host, matches func(host) bool) bool {
		for _, other := range b {
			if !taken[other.name] && matches(other) {
				taken[other.name] = true
				out = append(out, HostPair{h.name, other.name, h.role()})
				return true
			}
		}
		return false
	}
	var unpaired []host
	for _, h := range a {
		if !pair(h, func(other host) bool { return other.name == h.name }) {
			unpaired = append(unpaired, h)
		}
	}
	inA := func(name string) bool {
		return slices.ContainsFunc(a, func(h host) bool { return h.name == name })
	}
	for _, h := range unpaired {
		pair(h, func(other host) bool { return !inA(other.name) && other.role() == h.role() })
	}
	return out
}

// hostReplacer replaces the hosts of b in a text by their counterparts in a.
func hostReplacer(pairs []HostPair) *strings.Replacer {
	sorted := slices.Clone(pairs)
	// A name comes before its prefixes.
	slices.SortFunc(sorted, func(a, b HostPair) int { return cmp.Compare(len(b.B), len(a.B)) })
	var oldnew []string
	for _, p := range sorted {
		if p.B != "" {
			oldnew = append(oldnew, p.B, p.A)
		}
	}
	return strings.NewReplacer(oldnew...)
}
