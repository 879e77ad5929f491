package trace

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// reasons sums the critical path up.
func (t *Trace) reasons(path []segment) []Reason {
	type key struct {
		activity      Activity
		host, to, row int32
	}
	sums := map[key]*tally{}
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
			sums[k] = &tally{calls: map[int32]int64{}}
		}
		sums[k].add(s)
	}
	out, wall := []Reason{}, t.wall()
	for k, sum := range sums {
		r := Reason{Activity: k.activity, Host: t.names.Text(k.host), To: t.names.Text(k.to), Row: t.names.Text(k.row)}
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

// tally is a reason being summed up.
type tally struct {
	time  int64
	calls map[int32]int64 // their time
}

func (y *tally) add(s segment) {
	y.time += s.to - s.from
	if s.call >= 0 {
		y.calls[s.call] += s.to - s.from
	}
}

// fill writes the sums.
func (y *tally) fill(t *Trace, r *Reason) {
	r.Time, r.Calls = ofMicros(y.time), len(y.calls)
	longest := int32(-1)
	for _, c := range slices.Sorted(maps.Keys(y.calls)) {
		s := &t.spans[c]
		switch r.Activity {
		case Send:
			r.Bytes += s.sent
		case Receive, Stream:
			r.Bytes += s.received
		}
		if longest < 0 || y.calls[c] > y.calls[longest] {
			longest = c
		}
	}
	if longest >= 0 {
		s := &t.spans[longest]
		r.Longest = &Longest{s.sequence, t.names.Text(s.what), t.names.Text(s.blob), int(s.status), ofMicros(y.calls[longest])}
	}
}

// steps lists the calls of the critical path.
func (t *Trace) steps(path critical) []Step {
	out := []Step{}
	end := int64(0)
	for _, c := range path.calls {
		s := &t.spans[c]
		step := Step{
			Index: int(c), Sequence: s.sequence, Method: t.names.Text(s.method), Host: t.names.Text(s.host), Row: t.names.Text(s.row),
			What: t.names.Text(s.what), Status: int(s.status), From: ofMicros(s.start), To: ofMicros(s.end()),
			Gap: ofMicros(s.start - end),
		}
		if source, ok := path.sources[c]; ok {
			step.Source = t.spans[source].sequence
		}
		out = append(out, step)
		end = s.end()
	}
	return out
}
