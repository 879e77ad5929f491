package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// comparison is two audits being compared.
type comparison struct {
	texts  texts.Table
	groups map[group]*pairOf
	order  []group
	out    []Change
}

// group is calls that differ in digests and traits at the most.
type group struct{ method, host, path int32 }

// pairOf are the calls of a group in both audits.
type pairOf struct{ a, b []comparedCall }

// Compare finds what two audits do not have in common, whatever the order of
// their calls is, and however long they took.
//
// Calls are the same by method, host, and path with query. A host that only one
// of them has stands for the host of the other that has the same role; upload
// sessions are all alike. Of the same calls the status, the size and digest of
// the bodies, the protocol, and the headers that have a meaning in the registry
// protocol are compared. Calls that differ only in the digests that they name
// are counted as the one in place of the other.
func Compare(a, b *Calls) Result {
	d := Result{
		A:     Side{a.Run.Command, len(a.calls)},
		B:     Side{b.Run.Command, len(b.calls)},
		Hosts: pairHosts(a.hosts, b.hosts),
	}
	c := &comparison{groups: map[group]*pairOf{}}
	for g, calls := range c.load(a, nil) {
		c.groups[g].a = calls
	}
	for g, calls := range c.load(b, d.Hosts) {
		c.groups[g].b = calls
	}
	for _, g := range c.order {
		c.group(g)
	}
	d.Changes = append([]Change{}, c.out...)
	return d
}

// load returns the calls of an audit by groups, with the names that hosts have
// in the first one.
func (c *comparison) load(s *Calls, pairs []HostPair) map[group][]comparedCall {
	translated := make([]int32, s.texts.Len())
	rename := renamed(pairs)
	for i := range translated {
		translated[i] = c.texts.Number(rename.Replace(s.texts.Text(int32(i))))
	}
	out := map[group][]comparedCall{}
	for _, call := range s.calls {
		g := group{translated[call.method], translated[call.host], translated[call.path]}
		call.digests = translated[call.digests]
		for i := range call.traits {
			call.traits[i] = translated[call.traits[i]]
		}
		if c.groups[g] == nil {
			c.groups[g] = &pairOf{}
			c.order = append(c.order, g)
		}
		out[g] = append(out[g], call)
	}
	return out
}

// group compares the calls of one group: first those that are equal are left
// out, then those for the same digests are compared, then what is left.
func (c *comparison) group(g group) {
	p := c.groups[g]
	whole := func(x, y comparedCall) int {
		return cmp.Or(cmp.Compare(x.digests, y.digests), slices.Compare(x.traits[:], y.traits[:]))
	}
	_, a, b := matched(p.a, p.b, whole)
	same, a, b := matched(a, b, func(x, y comparedCall) int { return cmp.Compare(x.digests, y.digests) })
	other := func(x, y comparedCall) int { return strings.Compare(c.outline(x), c.outline(y)) }
	alike, a, b := matched(a, b, other)
	rest := min(len(a), len(b))
	for i := range rest {
		alike = append(alike, [2]comparedCall{a[i], b[i]})
	}
	c.add(g, Different, len(same), func(i int) (comparedCall, []Detail) { return same[i][0], c.details(same[i], false) })
	c.add(g, Replaced, len(alike), func(i int) (comparedCall, []Detail) { return alike[i][0], c.details(alike[i], true) })
	c.add(g, Gone, len(a)-rest, func(i int) (comparedCall, []Detail) { return a[rest+i], nil })
	c.add(g, Added, len(b)-rest, func(i int) (comparedCall, []Detail) { return b[rest+i], nil })
}

// matched pairs the calls of two lists that compare as equal, and returns the
// pairs and what is left of the lists.
func matched(a, b []comparedCall, compare func(x, y comparedCall) int) (pairs [][2]comparedCall, restA, restB []comparedCall) {
	slices.SortStableFunc(a, compare)
	slices.SortStableFunc(b, compare)
	for len(a) > 0 && len(b) > 0 {
		switch order := compare(a[0], b[0]); {
		case order < 0:
			restA, a = append(restA, a[0]), a[1:]
		case order > 0:
			restB, b = append(restB, b[0]), b[1:]
		default:
			pairs = append(pairs, [2]comparedCall{a[0], b[0]})
			a, b = a[1:], b[1:]
		}
	}
	return pairs, append(restA, a...), append(restB, b...)
}

// ofContent tells whether a trait follows from which digest a call is for.
func ofContent(trait string) bool {
	switch trait {
	case "sent", "received", "sent digest", "received digest", "request Content-Range", "answer Content-Range", "request Range":
		return true
	}
	return false
}

// trait is a call's trait; with outline without what follows from its digest.
func (c *comparison) trait(x comparedCall, i int, outline bool) string {
	text := c.texts.Text(x.traits[i])
	if !outline {
		return text
	}
	if ofContent(traitNames[i]) {
		return ""
	}
	return hexDigest.ReplaceAllString(text, "{digest}")
}

// outline is what a call has in common with those of other digests.
func (c *comparison) outline(x comparedCall) string {
	var b strings.Builder
	for i := range x.traits {
		b.WriteString(c.trait(x, i, true) + "\x00")
	}
	return b.String()
}

// details lists the traits in which two calls differ.
func (c *comparison) details(pair [2]comparedCall, outline bool) []Detail {
	var out []Detail
	for i, name := range traitNames {
		if a, b := c.trait(pair[0], i, outline), c.trait(pair[1], i, outline); a != b {
			out = append(out, Detail{name, a, b})
		}
	}
	return out
}

// add adds n changes of a kind; those that have the same details are one. With
// more than a few the path has no digests.
func (c *comparison) add(g group, k Kind, n int, get func(i int) (comparedCall, []Detail)) {
	const few = 3
	type key struct{ path, details string }
	index := map[key]int{}
	for i := range n {
		call, details := get(i)
		path := c.texts.Text(g.path)
		if k != Replaced && n <= few {
			path = withDigests(path, strings.Fields(c.texts.Text(call.digests)))
		}
		text := key{path: path}
		for _, d := range details {
			text.details += d.Name + "\x00" + d.A + "\x00" + d.B + "\x00"
		}
		at, ok := index[text]
		if !ok {
			at = len(c.out)
			index[text] = at
			c.out = append(c.out, Change{
				Kind: k, Method: c.texts.Text(g.method), Host: c.texts.Text(g.host), Path: path, Details: details,
			})
		}
		c.out[at].Times++
	}
}

// withDigests puts digests in their places.
func withDigests(path string, digests []string) string {
	for _, d := range digests {
		path = strings.Replace(path, "{digest}", d, 1)
	}
	return path
}
