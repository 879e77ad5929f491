package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// hostUse is what a run did with a host.
type hostUse struct {
	name   string
	rows   map[string]bool
	writes bool
}

// use notes that a host was called.
func (s *Calls) use(host string, e audit.Entry) {
	i := slices.IndexFunc(s.hosts, func(h hostUse) bool { return h.name == host })
	if i < 0 {
		i = len(s.hosts)
		s.hosts = append(s.hosts, hostUse{name: host, rows: map[string]bool{}})
	}
	s.hosts[i].rows[e.Row] = true
	if e.Method != "GET" && e.Method != "HEAD" && e.Row != "token" {
		s.hosts[i].writes = true
	}
}

// role is what a host was for.
func (h hostUse) role() string {
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

// pairHosts finds for the hosts of a those of b that are the same, or else have
// the same role, in the order of their first calls.
func pairHosts(a, b []hostUse) []HostPair {
	out := []HostPair{}
	taken := map[string]bool{}
	find := func(h hostUse, fits func(hostUse) bool) bool {
		for _, other := range b {
			if !taken[other.name] && fits(other) {
				taken[other.name] = true
				out = append(out, HostPair{h.name, other.name, h.role()})
				return true
			}
		}
		return false
	}
	var left []hostUse
	for _, h := range a {
		if !find(h, func(other hostUse) bool { return other.name == h.name }) {
			left = append(left, h)
		}
	}
	named := func(name string) bool {
		return slices.ContainsFunc(a, func(h hostUse) bool { return h.name == name })
	}
	for _, h := range left {
		find(h, func(other hostUse) bool { return !named(other.name) && other.role() == h.role() })
	}
	return out
}

// renamed returns what gives the hosts of b in a text the names that they have
// in a.
func renamed(pairs []HostPair) *strings.Replacer {
	sorted := slices.Clone(pairs)
	slices.SortFunc(sorted, func(a, b HostPair) int { return cmp.Compare(len(b.B), len(a.B)) }) // a name before what it begins with
	var oldnew []string
	for _, p := range sorted {
		if p.B != "" {
			oldnew = append(oldnew, p.B, p.A)
		}
	}
	return strings.NewReplacer(oldnew...)
}
