package trace

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// Report sums the trace up. Of blobs it has at most so many.
//
// What the wall clock waited for is the critical path, which covers the time
// from the start of the run to its end without a hole. It is found backwards.
// It begins at the run's end with the call that ended last. From the start of a
// call it goes on with the call that had ended last by then: whatever let this
// one begin had to be over, and nothing was over later. Where a call is a
// further attempt of another, the record says so, and that other one is next
// whatever has ended meanwhile.
//
// The time between the end of the one and the start of the other belongs to no
// call. It is Pause before a further attempt. Of the rest Between is the part
// in which calls were under way, and Idle the part in which none was, as is
// what comes before the first call and after the last.
//
// A call's own time is that of its phases. One that sends a blob does nothing
// while the blob's bytes do not come: where the same blob was being received
// meanwhile, the time of Send is Stream while both have bytes moving, and
// otherwise what the receiving call was doing. Of several that received the
// same blob at once the one that began first counts.
func (t *Trace) Report(blobs int) Report {
	r := Report{
		Run:      t.Run,
		Format:   t.Format,
		Complete: t.End != nil,
		Start:    t.start,
		Wall:     ofMicros(t.wall()),
		Total:    Group{Errors: map[int]int{}},
		Hosts:    t.hosts(),
	}
	if t.Broken != nil {
		r.Broken = t.Broken.Error()
	}
	for i := range t.spans {
		r.Total.add(&t.spans[i])
	}
	r.Refusals = t.refusals()
	r.Blobs, r.MoreBlobs = t.blobs(blobs)
	path := t.criticalPath()
	r.Reasons, r.Path = t.reasons(path.segments), t.steps(path)
	return r
}

func ofMicros(n int64) audit.Millis { return audit.Millis(micros(n)) }

// add counts a call.
func (g *Group) add(s *span) {
	if g.Errors == nil {
		g.Errors = map[int]int{}
	}
	if s.held {
		return
	}
	g.Calls++
	g.Sent += s.sent
	g.Received += s.received
	g.Retries += int(s.resent)
	if s.attempt > 1 {
		g.Retries++
	}
	if s.dialed {
		g.Connections++
	}
	switch {
	case s.status >= 400:
		g.Errors[int(s.status)]++
	case s.failed:
		g.Failed++
	}
}

// hosts sums up by host and row.
func (t *Trace) hosts() []Host {
	type key struct{ host, row int32 }
	rows := map[key][]int32{}
	out, index := []Host{}, map[int32]int{}
	for i := range t.spans {
		s := &t.spans[i]
		if _, ok := index[s.host]; !ok {
			index[s.host] = len(out)
			out = append(out, Host{Host: t.names.Text(s.host)})
		}
		out[index[s.host]].add(s)
		if !s.held {
			rows[key{s.host, s.row}] = append(rows[key{s.host, s.row}], int32(i))
		}
	}
	for k, calls := range rows {
		h := &out[index[k.host]]
		h.Rows = append(h.Rows, t.row(k.row, calls))
	}
	for _, h := range out {
		slices.SortFunc(h.Rows, func(a, b Row) int { return CompareRows(a.Row, b.Row) })
	}
	return out
}

// CompareRows orders the names of rows by their numbers, end-2 before end-10, and those that have none last.
func CompareRows(a, b string) int {
	return cmp.Or(cmp.Compare(rowNumber(a), rowNumber(b)), cmp.Compare(a, b))
}

// rowNumber is the number in a row's name, or one after all of them.
func rowNumber(row string) int {
	const last = 1 << 10
	digits, ok := strings.CutPrefix(strings.TrimRight(row, "abc"), "end-")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return last
	}
	return n
}

// row sums up the calls of one row.
func (t *Trace) row(name int32, calls []int32) Row {
	r := Row{Row: t.names.Text(name), Group: Group{Errors: map[int]int{}}, Timings: map[Activity]Quantiles{}}
	r.Title = audit.RowTitle(r.Row)
	column := make([]int64, 0, len(calls))
	for i, phase := range Phases() {
		column = column[:0]
		for _, c := range calls {
			if d := t.spans[c].phases[i]; d > 0 {
				column = append(column, d)
			}
		}
		if len(column) > 0 {
			r.Timings[phase] = quantiles(column)
		}
	}
	column = column[:0]
	for _, c := range calls {
		r.add(&t.spans[c])
		column = append(column, t.spans[c].total)
	}
	r.Timings[Total] = quantiles(column)
	return r
}

// quantiles sorts durations, of which there is at least one.
func quantiles(d []int64) Quantiles {
	slices.Sort(d)
	rank := func(percent int) audit.Millis { return ofMicros(d[max((len(d)*percent+99)/100, 1)-1]) }
	return Quantiles{Calls: len(d), Median: rank(50), P99: rank(99)}
}

// refusals lists the calls that were not let out.
func (t *Trace) refusals() []Refusal {
	counts := map[Refusal]int{}
	out := []Refusal{}
	for i := range t.spans {
		s := &t.spans[i]
		if s.refused == 0 {
			continue
		}
		r := Refusal{Policy: t.names.Text(s.refused), Method: t.names.Text(s.method), Host: t.names.Text(s.host), What: t.names.Text(s.what)}
		if counts[r]++; counts[r] == 1 {
			out = append(out, r)
		}
	}
	for i := range out {
		out[i].Times = counts[out[i]]
	}
	return out
}

// blobs returns the most of them that took longest, and how many others there
// are.
func (t *Trace) blobs(most int) ([]Blob, int) {
	type key struct {
		blob, host int32
		sent       bool
	}
	found := map[key]Blob{}
	for i := range t.spans {
		s := &t.spans[i]
		sends := s.sent > 0 && s.blob != 0 && t.pushes(s)
		if !sends && !t.downloadsBlob(s) {
			continue
		}
		k := key{s.blob, s.host, sends}
		b := found[k]
		b.Calls++
		b.Bytes += max(s.sent, s.received)
		b.Time += ofMicros(s.phases[sendPhase] + s.phases[waitPhase] + s.phases[receivePhase])
		found[k] = b
	}
	out := make([]Blob, 0, len(found))
	for k, b := range found {
		b.Digest, b.Host, b.Sent = t.names.Text(k.blob), t.names.Text(k.host), k.sent
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Blob) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Host, b.Host))
	})
	more := max(len(out)-most, 0)
	return out[:len(out)-more], more
}

// pushes tells whether a call has a blob for its body.
func (t *Trace) pushes(s *span) bool {
	switch t.names.Text(s.row) {
	case "end-4b", "end-5", "end-6":
		return true
	}
	return false
}
