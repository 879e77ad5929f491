package trace

import (
	"cmp"
	"slices"
)

// segment is a piece of the critical path.
type segment struct {
	from, to int64
	activity Activity
	call     int32 // index into the trace's spans, -1 where it is none's
	partner  int32 // of Stream the call that sends, where call receives
}

// walk is the way back along the critical path.
type walk struct {
	*Trace
	byEnd     []int32
	downloads map[int32][]download // of a blob, in order
	busy      []interval           // when at least one call was under way
	sequences map[int64]int32      // calls that others repeat
	critical
}

// critical is the critical path.
type critical struct {
	segments []segment       // without a hole
	calls    []int32         // those on the way
	sources  map[int32]int32 // of a call that sent a blob, the one that received it
}

// interval is a stretch of time. Lists of them do not overlap.
type interval struct{ from, to int64 }

// download is a call that fetches a blob, as long as no earlier one does.
type download struct {
	interval
	call int32
}

// criticalPath finds what the wall clock waited for, from the start of the run
// to its end, as [Trace.Report] says. It takes the time of sorting the calls.
func (t *Trace) criticalPath() critical {
	w := &walk{Trace: t, critical: critical{sources: map[int32]int32{}}}
	w.prepare()
	at, next := t.wall(), int32(-1)
	for i := len(w.byEnd) - 1; at > 0; i-- {
		if i = w.before(i, at, next); i < 0 {
			w.gap(0, at, next, -1)
			break
		}
		c := w.byEnd[i]
		w.gap(t.spans[c].end(), at, next, c)
		w.call(c)
		at, next = t.spans[c].start, c
	}
	slices.Reverse(w.segments)
	slices.Reverse(w.calls)
	return w.critical
}

// prepare builds the indexes.
func (w *walk) prepare() {
	w.downloads, w.sequences = map[int32][]download{}, map[int64]int32{}
	for i := range w.spans {
		s := &w.spans[i]
		w.byEnd = append(w.byEnd, int32(i))
		w.cover(s)
		if w.downloadsBlob(s) {
			w.downloads[s.blob] = extended(w.downloads[s.blob], s, int32(i))
		}
		if s.attempt > 1 && s.retryOf != 0 {
			w.sequences[s.retryOf] = -1
		}
	}
	for i := range w.spans {
		if _, ok := w.sequences[w.spans[i].sequence]; ok {
			w.sequences[w.spans[i].sequence] = int32(i)
		}
	}
	slices.SortFunc(w.byEnd, w.compare)
}

// compare orders calls by their ends.
func (w *walk) compare(a, b int32) int {
	return cmp.Or(cmp.Compare(w.spans[a].end(), w.spans[b].end()), cmp.Compare(a, b))
}

// cover adds a call's time to busy.
func (w *walk) cover(s *span) {
	if n := len(w.busy); n > 0 && s.start <= w.busy[n-1].to {
		w.busy[n-1].to = max(w.busy[n-1].to, s.end())
		return
	}
	w.busy = append(w.busy, interval{s.start, s.end()})
}

// extended adds a call to those that fetch a blob.
func extended(list []download, s *span, call int32) []download {
	from := s.start
	if n := len(list); n > 0 {
		from = max(from, list[n-1].to)
	}
	if from >= s.end() {
		return list
	}
	return append(list, download{interval{from, s.end()}, call})
}

// before returns the place in byEnd, at i or below it, of the call that the way
// goes on with: the one that next repeats, or the last to end by that moment.
func (w *walk) before(i int, at int64, next int32) int {
	for i >= 0 && w.spans[w.byEnd[i]].end() > at {
		i--
	}
	if repeated := w.repeated(next); repeated >= 0 {
		if j, found := slices.BinarySearchFunc(w.byEnd[:i+1], repeated, w.compare); found {
			return j
		}
	}
	return i
}

// repeated returns the call that another is a further attempt of, -1 for none.
func (w *walk) repeated(next int32) int32 {
	if next < 0 || w.spans[next].attempt < 2 {
		return -1
	}
	if i, ok := w.sequences[w.spans[next].retryOf]; ok {
		return i
	}
	return -1
}

// gap adds the time between a call's end and the start of the next.
func (w *walk) gap(from, to int64, next, call int32) {
	if call >= 0 && w.repeated(next) == call {
		w.add(from, to, Pause, next, -1)
		return
	}
	i, _ := slices.BinarySearchFunc(w.busy, to, func(b interval, to int64) int { return cmp.Compare(b.from, to) })
	for i--; i >= 0 && w.busy[i].to > from; i-- {
		b := interval{max(w.busy[i].from, from), min(w.busy[i].to, to)}
		w.add(b.to, to, Idle, -1, -1)
		w.add(b.from, b.to, Between, -1, -1)
		to = b.from
	}
	w.add(from, to, Idle, -1, -1)
}

// add adds a piece, unless it is none.
func (w *walk) add(from, to int64, a Activity, call, partner int32) {
	if to > from {
		w.segments = append(w.segments, segment{from, to, a, call, partner})
	}
}

// call adds a call's phases, the last one first.
func (w *walk) call(c int32) {
	s := &w.spans[c]
	if s.total > 0 {
		w.calls = append(w.calls, c)
	}
	names := Phases()
	to := s.end()
	for i := phases - 1; i >= 0; i-- {
		from := to - s.phases[i]
		if i == sendPhase && s.sent > 0 && s.blob != 0 {
			w.sending(c, from, to)
		} else {
			w.add(from, to, names[i], c, -1)
		}
		to = from
	}
}

// sending adds the time in which a blob was sent, by what its source was doing
// meanwhile.
func (w *walk) sending(c int32, from, to int64) {
	sources := w.downloads[w.spans[c].blob]
	i, _ := slices.BinarySearchFunc(sources, to, func(d download, to int64) int { return cmp.Compare(d.from, to) })
	for i--; i >= 0 && sources[i].to > from; i-- {
		d := interval{max(sources[i].from, from), min(sources[i].to, to)}
		w.add(d.to, to, Send, c, -1)
		w.source(c, sources[i].call, d)
		w.sources[c] = sources[i].call
		to = d.from
	}
	w.add(from, to, Send, c, -1)
}

// source adds what a blob's source was doing in a time.
func (w *walk) source(c, source int32, in interval) {
	s := &w.spans[source]
	names := Phases()
	to := s.end()
	for i := phases - 1; i >= 0; i-- {
		from := to - s.phases[i]
		if i == receivePhase {
			w.add(max(from, in.from), min(to, in.to), Stream, source, c)
		} else {
			w.add(max(from, in.from), min(to, in.to), names[i], source, -1)
		}
		to = from
	}
}

// downloadsBlob tells whether a call fetches a blob's bytes.
func (t *Trace) downloadsBlob(s *span) bool {
	row := t.names.Text(s.row)
	return s.blob != 0 && s.received > 0 && t.names.Text(s.method) == "GET" && (row == "end-2" || row == "redirect")
}
