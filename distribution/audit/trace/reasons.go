package trace

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// pathSums sums up the segments of the critical path, by what they were spent on.
type pathSums map[reasonKey]*pathSum

// reasonKey is the activity, the numbers of the names of hosts, and that of the row.
type reasonKey struct {
	activity      Activity
	host, to, row int32
}

func (sums pathSums) add(t *Trace, s segment) {
	k := reasonKey{activity: s.activity}
	if s.call >= 0 {
		call := t.spans.at(int(s.call))
		k.host = call.host
		switch s.activity {
		case Stream:
			to := t.spans.at(int(s.partner))
			k.to, k.row = to.host, to.row
		case Send, Wait, Receive:
			k.row = call.row
		}
	}
	if sums[k] == nil {
		sums[k] = &pathSum{calls: map[int32]int64{}}
	}
	sums[k].add(s)
}

// reasons returns the sums, the largest first.
func (t *Trace) reasons(sums pathSums) []Reason {
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
		s := t.spans.at(int(c))
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
		s := t.spans.at(int(longest))
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
		s := t.spans.at(int(c))
		step := Step{
			Index: int(c), Sequence: s.sequence, Method: t.texts.Text(s.method), Host: t.texts.Text(s.host),
			Row: t.texts.Text(s.row), Path: t.texts.Text(s.path), Status: int(s.status),
			From: millis(s.start), To: millis(s.end()), Gap: millis(s.start - end),
		}
		if source, ok := path.sources[c]; ok {
			step.Source = t.spans.at(int(source)).sequence
		}
		out = append(out, step)
		end = s.end()
	}
	return out
}
