package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// comparison is the comparison of two audits.
type comparison struct {
	texts   texts.Table // of both audits
	groups  map[groupKey]*group
	order   []groupKey
	changes []Change
}

// groupKey is what the calls of a group have in common.
type groupKey struct{ method, host, path int32 }

// group has the calls of both audits that differ at most in digests and fields.
type group struct{ a, b []call }

// Compare returns what differs between two audits. The order of the calls and their times do not
// matter.
//
// Calls are the same if they have the same method, host, and path with query; upload sessions do
// not differ. A host that only one audit has is compared with a host of the other audit that has
// the same role. Of the same calls Compare compares the status, the sizes and digests of the
// bodies, the protocol, and the headers that the registry protocol uses. Calls that differ only in
// the digests in their path are reported as [Replaced].
func Compare(a, b *Calls) Result {
	r := Result{
		A:     Side{a.Run.Command, len(a.calls)},
		B:     Side{b.Run.Command, len(b.calls)},
		Hosts: pairHosts(a.hosts, b.hosts),
	}
	c := &comparison{groups: map[groupKey]*group{}, changes: []Change{}}
	for key, calls := range c.load(a, nil) {
		c.groups[key].a = calls
	}
	for key, calls := range c.load(b, r.Hosts) {
		c.groups[key].b = calls
	}
	for _, key := range c.order {
		c.compare(key)
	}
	r.Changes = c.changes
	return r
}

// load returns the calls of an audit by groups, with hosts renamed as in pairs.
func (c *comparison) load(from *Calls, pairs []HostPair) map[groupKey][]call {
	translated := make([]int32, from.texts.Len())
	rename := hostReplacer(pairs)
	for i := range translated {
		translated[i] = c.texts.Number(rename.Replace(from.texts.Text(int32(i))))
	}
	out := map[groupKey][]call{}
	for _, call := range from.calls {
		key := groupKey{translated[call.method], translated[call.host], translated[call.path]}
		call.digests = translated[call.digests]
		for i := range call.fields {
			call.fields[i] = translated[call.fields[i]]
		}
		if c.groups[key] == nil {
			c.groups[key] = &group{}
			c.order = append(c.order, key)
		}
		out[key] = append(out[key], call)
	}
	return out
}

// compare compares the calls of a group. It drops those that are equal, then compares those for the
// same digests, and then the rest.
func (c *comparison) compare(key groupKey) {
	g := c.groups[key]
	_, a, b := matchPairs(g.a, g.b, func(x, y call) int {
		return cmp.Or(cmp.Compare(x.digests, y.digests), slices.Compare(x.fields[:], y.fields[:]))
	})
	same, a, b := matchPairs(a, b, func(x, y call) int { return cmp.Compare(x.digests, y.digests) })
	replaced, a, b := matchPairs(a, b, func(x, y call) int {
		return strings.Compare(c.withoutContent(x), c.withoutContent(y))
	})
	rest := min(len(a), len(b))
	for i := range rest {
		replaced = append(replaced, [2]call{a[i], b[i]})
	}
	c.add(key, Different, len(same), func(i int) (call, []Detail) { return same[i][0], c.details(same[i], false) })
	c.add(key, Replaced, len(replaced), func(i int) (call, []Detail) {
		return replaced[i][0], c.details(replaced[i], true)
	})
	c.add(key, Gone, len(a)-rest, func(i int) (call, []Detail) { return a[rest+i], nil })
	c.add(key, Added, len(b)-rest, func(i int) (call, []Detail) { return b[rest+i], nil })
}

// matchPairs sorts two lists, and returns pairs of calls that compare as equal, and the rests of
// the lists.
func matchPairs(a, b []call, compare func(x, y call) int) (pairs [][2]call, restA, restB []call) {
	slices.SortStableFunc(a, compare)
	slices.SortStableFunc(b, compare)
	for len(a) > 0 && len(b) > 0 {
		switch order := compare(a[0], b[0]); {
		case order < 0:
			restA, a = append(restA, a[0]), a[1:]
		case order > 0:
			restB, b = append(restB, b[0]), b[1:]
		default:
			pairs = append(pairs, [2]call{a[0], b[0]})
			a, b = a[1:], b[1:]
		}
	}
	return pairs, append(restA, a...), append(restB, b...)
}

// dependsOnContent reports whether a field follows from the digest that a call is for.
func dependsOnContent(field string) bool {
	switch field {
	case "sent", "received", "sent digest", "received digest",
		"request Content-Range", "answer Content-Range", "request Range":
		return true
	}
	return false
}

// field returns field i of a call. With ignoreContent it is without what follows from the call's
// digest.
func (c *comparison) field(x call, i int, ignoreContent bool) string {
	text := c.texts.Text(x.fields[i])
	if !ignoreContent {
		return text
	}
	if dependsOnContent(fieldNames[i]) {
		return ""
	}
	return hexDigest.ReplaceAllString(text, "{digest}")
}

// withoutContent returns all fields of a call, without what follows from its digest.
func (c *comparison) withoutContent(x call) string {
	var b strings.Builder
	for i := range x.fields {
		b.WriteString(c.field(x, i, true) + "\x00")
	}
	return b.String()
}

// details lists the fields in which two calls differ.
func (c *comparison) details(pair [2]call, ignoreContent bool) []Detail {
	var out []Detail
	for i, name := range fieldNames {
		if a, b := c.field(pair[0], i, ignoreContent), c.field(pair[1], i, ignoreContent); a != b {
			out = append(out, Detail{name, a, b})
		}
	}
	return out
}

// add adds n changes of a kind. Those with the same details become one change. Paths have digests
// only if there are few changes.
func (c *comparison) add(key groupKey, k Kind, n int, get func(i int) (call, []Detail)) {
	const few = 3
	type changeKey struct{ path, details string }
	index := map[changeKey]int{}
	for i := range n {
		call, details := get(i)
		path := c.texts.Text(key.path)
		if k != Replaced && n <= few {
			path = withDigests(path, strings.Fields(c.texts.Text(call.digests)))
		}
		change := changeKey{path: path}
		for _, d := range details {
			change.details += d.Name + "\x00" + d.A + "\x00" + d.B + "\x00"
		}
		at, ok := index[change]
		if !ok {
			at = len(c.changes)
			index[change] = at
			c.changes = append(c.changes, Change{
				Kind: k, Method: c.texts.Text(key.method), Host: c.texts.Text(key.host), Path: path, Details: details,
			})
		}
		c.changes[at].Times++
	}
}

// withDigests puts digests in the places of {digest}.
func withDigests(path string, digests []string) string {
	for _, d := range digests {
		path = strings.Replace(path, "{digest}", d, 1)
	}
	return path
}
