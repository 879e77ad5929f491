package trace

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// reasons sums up the segments of the critical path.
func (t *Trace) reasons(path []segment) []Reason {
	type key struct {
		activity      Activity
		host, to, row int32
	}
	sums := map[key]*pathSum{}
	for _, s := range path {
		k := key{activity: s.activity}
		if s.call >= 0 {
			k.host = t.spans[s.call].host
		}
		switch s.activity {
		case Stream:
			k.to, k.row = t.spans[s.partner].host, t.spans[s.partner].row
		case Send, Wait, Receive:
			k.row = t.spans[s.call].row
		}
		if sums[k] == nil {
			sums[k] = &pathSum{calls: map[int32]int64{}}
		}
		sums[k].add(s)
	}
	out, wall := []Reason{}, t.wall()
	for k, sum := range sums {
		r := Reason{Activity: k.activity, Host: t.texts.Text(k.host), To: t.texts.Text(k.to), Row: t.texts.Text(k.row)}
		sum.fill(t, &r)
		r.Share = math.Round(1e4*float64(sum.time)/float64(wall)) / 1e4
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Activity, b.Activity), cmp.Compare(a.Host, b.Host),
			cmp.Compare(a.To, b.To), cmp.Compare(a.Row, b.Row))
	})
	return out
}

// pathSum sums up segments of the critical path.
type pathSum struct {
	time  int64
	calls map[int32]int64 // the time of each call
}

func (p *pathSum) add(s segment) {
	p.time += s.to - s.from
	if s.call >= 0 {
		p.calls[s.call] += s.to - s.from
	}
}

// fill sets the fields of a reason that follow from the sum.
func (p *pathSum) fill(t *Trace, r *Reason) {
	r.Time, r.Calls = millis(p.time), len(p.calls)
	longest := int32(-1)
	for _, c := range slices.Sorted(maps.Keys(p.calls)) {
		s := &t.spans[c]
		switch r.Activity {
		case Send:
			r.Bytes += s.sent
		case Receive, Stream:
			r.Bytes += s.received
		}
		if longest < 0 || p.calls[c] > p.calls[longest] {
			longest = c
		}
	}
	if longest >= 0 {
		s := &t.spans[longest]
		r.Longest = &Longest{
			Sequence: s.sequence, Path: t.texts.Text(s.path), Blob: t.texts.Text(s.blob), Status: int(s.status),
			Time: millis(p.calls[longest]),
		}
	}
}

// steps lists the calls of the critical path.
func (t *Trace) steps(path criticalPath) []Step {
	out := []Step{}
	end := int64(0)
	for _, c := range path.calls {
		s := &t.spans[c]
		step := Step{
			Index: int(c), Sequence: s.sequence, Method: t.texts.Text(s.method), Host: t.texts.Text(s.host),
			Row: t.texts.Text(s.row), Path: t.texts.Text(s.path), Status: int(s.status),
			From: millis(s.start), To: millis(s.end()), Gap: millis(s.start - end),
		}
		if source, ok := path.sources[c]; ok {
			step.Source = t.spans[source].sequence
		}
		out = append(out, step)
		end = s.end()
	}
	return out
}
