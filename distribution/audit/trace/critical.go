package trace

import (
	"cmp"
	"slices"
)

// criticalPath is what the wall clock waited for, from the start of the run to its end, as
// [Trace.Report] describes it.
type criticalPath struct {
	segments func(segment)   // gets all of it, from the end to the start, without a gap
	calls    []int32         // those on the path
	sources  map[int32]int32 // from a call that sent a blob to the call that received it
}

// segment is a stretch of the critical path.
type segment struct {
	from, to int64
	activity Activity
	call     int32 // number of a call, from 0; -1 for none
	partner  int32 // for Stream: the call that sends what call receives, else -1
}

// interval is a stretch of time. Intervals in a list do not overlap.
type interval struct{ from, to int64 }

// download is a call that fetches a blob, without the time in which an earlier call fetches it too.
type download struct {
	interval
	call int32
}

// pathFinder walks the critical path backwards.
type pathFinder struct {
	*Trace
	ends      []int64              // of all calls
	byEnd     []int32              // all calls, by their ends
	downloads map[int32][]download // by blob, in order
	busy      []interval           // when at least one call was under way
	repeated  map[int64]int32      // calls with a further attempt, by sequence; -1 if the file lacks the call
	criticalPath
}

// criticalPath takes about as long as sorting the calls.
func (t *Trace) criticalPath(segments func(segment)) criticalPath {
	f := &pathFinder{Trace: t, criticalPath: criticalPath{segments: segments, sources: map[int32]int32{}}}
	f.index()
	at, next := t.wall(), int32(-1)
	for i := len(f.byEnd) - 1; at > 0; i-- {
		if i = f.previous(i, at, next); i < 0 {
			f.addGap(0, at, next, -1)
			break
		}
		call := f.byEnd[i]
		f.addGap(f.ends[call], at, next, call)
		f.addCall(call)
		at, next = t.spans.at(int(call)).start, call
	}
	slices.Reverse(f.calls)
	return f.criticalPath
}

// index builds the indexes.
func (f *pathFinder) index() {
	f.downloads, f.repeated = map[int32][]download{}, map[int64]int32{}
	f.ends, f.byEnd = make([]int64, 0, f.Len()), make([]int32, 0, f.Len())
	for i, s := range f.spans.all() {
		f.ends = append(f.ends, s.end())
		f.byEnd = append(f.byEnd, int32(i))
		f.addBusy(&s)
		if f.receivesBlob(&s) {
			f.downloads[s.blob] = appendDownload(f.downloads[s.blob], &s, int32(i))
		}
		if s.attempt > 1 && s.retryOf != 0 {
			f.repeated[s.retryOf] = -1
		}
	}
	for i, s := range f.spans.all() {
		if _, ok := f.repeated[s.sequence]; ok {
			f.repeated[s.sequence] = int32(i)
		}
	}
	slices.SortFunc(f.byEnd, f.compareEnds)
}

func (f *pathFinder) compareEnds(a, b int32) int {
	return cmp.Or(cmp.Compare(f.ends[a], f.ends[b]), cmp.Compare(a, b))
}

// addBusy adds a call's time to busy.
func (f *pathFinder) addBusy(s *span) {
	if n := len(f.busy); n > 0 && s.start <= f.busy[n-1].to {
		f.busy[n-1].to = max(f.busy[n-1].to, s.end())
		return
	}
	f.busy = append(f.busy, interval{s.start, s.end()})
}

// appendDownload appends the part of a call that comes after the other downloads of the blob.
func appendDownload(list []download, s *span, call int32) []download {
	from := s.start
	if n := len(list); n > 0 {
		from = max(from, list[n-1].to)
	}
	if from >= s.end() {
		return list
	}
	return append(list, download{interval{from, s.end()}, call})
}

// previous returns the index into byEnd, i or below, of the call that comes before next on the
// path: the one that next repeats, or else the last one that has ended at that moment.
func (f *pathFinder) previous(i int, at int64, next int32) int {
	for i >= 0 && f.ends[f.byEnd[i]] > at {
		i--
	}
	if repeated := f.repeatedBy(next); repeated >= 0 {
		if j, found := slices.BinarySearchFunc(f.byEnd[:i+1], repeated, f.compareEnds); found {
			return j
		}
	}
	return i
}

// repeatedBy returns the call that another is a further attempt of, -1 for none.
func (f *pathFinder) repeatedBy(call int32) int32 {
	if call < 0 {
		return -1
	}
	s := f.spans.at(int(call))
	if i, ok := f.repeated[s.retryOf]; ok && s.attempt > 1 {
		return i
	}
	return -1
}

// addGap adds the time between the end of a call and the start of the next one.
func (f *pathFinder) addGap(from, to int64, next, call int32) {
	if call >= 0 && f.repeatedBy(next) == call {
		f.add(from, to, Pause, next, -1)
		return
	}
	i, _ := slices.BinarySearchFunc(f.busy, to, func(b interval, to int64) int { return cmp.Compare(b.from, to) })
	for i--; i >= 0 && f.busy[i].to > from; i-- {
		b := interval{max(f.busy[i].from, from), min(f.busy[i].to, to)}
		f.add(b.to, to, Idle, -1, -1)
		f.add(b.from, b.to, Between, -1, -1)
		to = b.from
	}
	f.add(from, to, Idle, -1, -1)
}

// add adds a segment unless it is empty.
func (f *pathFinder) add(from, to int64, a Activity, call, partner int32) {
	if to > from {
		f.segments(segment{from, to, a, call, partner})
	}
}

// addCall adds a call's phases, the last one first.
func (f *pathFinder) addCall(call int32) {
	s := f.spans.at(int(call))
	if s.total > 0 {
		f.calls = append(f.calls, call)
	}
	activities := Phases()
	to := s.end()
	for i := phases - 1; i >= 0; i-- {
		from := to - s.phases[i]
		if i == sendPhase && s.sent > 0 && s.blob != 0 {
			f.addUpload(call, from, to)
		} else {
			f.add(from, to, activities[i], call, -1)
		}
		to = from
	}
}

// addUpload adds the time in which a call sends a blob, split by what the blob's downloads do at
// that time.
func (f *pathFinder) addUpload(call int32, from, to int64) {
	downloads := f.downloads[f.spans.at(int(call)).blob]
	i, _ := slices.BinarySearchFunc(downloads, to, func(d download, to int64) int { return cmp.Compare(d.from, to) })
	for i--; i >= 0 && downloads[i].to > from; i-- {
		d := interval{max(downloads[i].from, from), min(downloads[i].to, to)}
		f.add(d.to, to, Send, call, -1)
		f.addDownload(call, downloads[i].call, d)
		f.sources[call] = downloads[i].call
		to = d.from
	}
	f.add(from, to, Send, call, -1)
}

// addDownload adds the phases of a download within an interval in which upload sends the same blob.
func (f *pathFinder) addDownload(upload, download int32, in interval) {
	s := f.spans.at(int(download))
	activities := Phases()
	to := s.end()
	for i := phases - 1; i >= 0; i-- {
		from := to - s.phases[i]
		if i == receivePhase {
			f.add(max(from, in.from), min(to, in.to), Stream, download, upload)
		} else {
			f.add(max(from, in.from), min(to, in.to), activities[i], download, -1)
		}
		to = from
	}
}

// receivesBlob reports whether a call fetches bytes of a blob.
func (t *Trace) receivesBlob(s *span) bool {
	row := t.texts.Text(s.row)
	return s.blob != 0 && s.received > 0 && t.texts.Text(s.method) == "GET" && (row == "end-2" || row == "redirect")
}

// sendsBlob reports whether a call sends bytes of a blob.
func (t *Trace) sendsBlob(s *span) bool {
	switch t.texts.Text(s.row) {
	case "end-4b", "end-5", "end-6":
		return s.sent > 0 && s.blob != 0
	}
	return false
}
