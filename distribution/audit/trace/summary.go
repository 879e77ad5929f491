package trace

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
)

// Report sums up the trace. It lists at most maxBlobs blobs.
//
// The critical path is what the wall clock waited for. It covers the time from the start of the run
// to its end without a gap, and is found backwards: it begins with the call that ended last. From
// the start of a call it continues with the call that had ended last by then, because what let this
// call begin was over at that moment, and nothing else was over later. If the record says that the
// call is a further attempt of another call, that one comes next, whatever else has ended
// meanwhile.
//
// The time between the end of a call and the start of the next one is a Pause if the next one is a
// further attempt. Otherwise it is Between while other calls were under way, and Idle while none
// was; the time before the first call and after the last is Idle too.
//
// The time of a call itself is that of its phases. A call that sends a blob waits while the blob's
// bytes do not arrive. So while another call was receiving the same blob, the time of Send is
// Stream while the bytes of both were moving, and otherwise what the receiving call was doing. Of
// several calls that received the blob at the same time, the one that began first counts.
func (t *Trace) Report(maxBlobs int) Report {
	r := Report{
		Run:      t.Run,
		Format:   t.Format,
		Complete: t.End != nil,
		Client:   t.client,
		Start:    t.start,
		Wall:     millis(t.wall()),
		Total:    Group{Errors: map[int]int{}},
		Hosts:    t.hosts(),
	}
	if t.Broken != nil {
		r.Broken = t.Broken.Error()
	}
	for _, s := range t.spans.all() {
		r.Total.add(&s)
	}
	r.FirstByte = t.firstByte()
	r.Refusals, r.Repeated = t.refusals(), t.repeated()
	r.Blobs, r.MoreBlobs = t.blobs(maxBlobs)
	sums := pathSums{}
	r.Path = t.steps(t.criticalPath(func(s segment) { sums.add(t, s) }))
	r.Reasons = t.reasons(sums)
	return r
}

// millis returns n microseconds.
func millis(n int64) audit.Millis { return audit.Millis(micros(n)) }

// add counts a call.
func (g *Group) add(s *span) {
	if g.Errors == nil {
		g.Errors = map[int]int{}
	}
	if s.notSent {
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
	case s.expected:
		if g.Expected == nil {
			g.Expected = map[int]int{}
		}
		g.Expected[int(s.status)]++
	case s.status >= 400:
		g.Errors[int(s.status)]++
	case s.failed:
		g.Failed++
	}
}

// hosts sums up the calls by host and row.
func (t *Trace) hosts() []Host {
	type key struct{ host, row int32 }
	rows := map[key][]int32{}
	out, index := []Host{}, map[int32]int{}
	for i, s := range t.spans.all() {
		if _, ok := index[s.host]; !ok {
			index[s.host] = len(out)
			out = append(out, Host{Host: t.texts.Text(s.host)})
		}
		out[index[s.host]].add(&s)
		if !s.notSent {
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

// CompareRows compares the names of rows by their numbers: end-2 comes before end-10, and a row
// without a number last.
func CompareRows(a, b string) int {
	return cmp.Or(cmp.Compare(rowNumber(a), rowNumber(b)), cmp.Compare(a, b))
}

// rowNumber is the number in a row's name. Without one it is larger than all others.
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
	r := Row{Row: t.texts.Text(name), Group: Group{Errors: map[int]int{}}, Timings: map[Activity]Quantiles{}}
	r.Title = audit.RowTitle(r.Row)
	column := make([]int64, 0, len(calls))
	for i, phase := range Phases() {
		column = column[:0]
		for _, c := range calls {
			if d := t.spans.at(int(c)).phases[i]; d > 0 {
				column = append(column, d)
			}
		}
		if len(column) > 0 {
			r.Timings[phase] = quantiles(column)
		}
	}
	column = column[:0]
	for _, c := range calls {
		s := t.spans.at(int(c))
		r.add(&s)
		column = append(column, s.total)
	}
	r.Timings[Total] = quantiles(column)
	return r
}

// quantiles sorts the durations, at least one, in microseconds.
func quantiles(d []int64) Quantiles {
	slices.Sort(d)
	rank := func(percent int) audit.Millis { return millis(d[max((len(d)*percent+99)/100, 1)-1]) }
	return Quantiles{Calls: len(d), Median: rank(50), P99: rank(99)}
}

// refusals lists the calls that a policy has stopped.
func (t *Trace) refusals() []Refusal {
	counts := map[Refusal]int{}
	out := []Refusal{}
	for _, s := range t.spans.all() {
		if s.refused == 0 {
			continue
		}
		r := Refusal{
			Policy: t.texts.Text(s.refused), Method: t.texts.Text(s.method), Host: t.texts.Text(s.host),
			Path: t.texts.Text(s.path),
		}
		if counts[r]++; counts[r] == 1 {
			out = append(out, r)
		}
	}
	for i := range out {
		out[i].Times = counts[out[i]]
	}
	return out
}

// firstByte returns the quantiles of how long calls waited for their answers.
func (t *Trace) firstByte() Quantiles {
	var waits []int64
	for _, s := range t.spans.all() {
		if wait := s.phases[waitPhase]; wait > 0 {
			waits = append(waits, wait)
		}
	}
	if len(waits) == 0 {
		return Quantiles{}
	}
	return quantiles(waits)
}

// repeated lists the reads that were made more than once.
func (t *Trace) repeated() []Repeat {
	counts := make([]int32, t.texts.Len()) // of each path, so that few of many are in out
	t.reads(func(s span) { counts[s.path]++ })
	type key struct{ method, host, path int32 }
	times := map[key]int{}
	t.reads(func(s span) {
		if counts[s.path] > 1 {
			times[key{s.method, s.host, s.path}]++
		}
	})
	out := []Repeat{}
	for k, n := range times {
		if n > 1 {
			out = append(out, Repeat{t.texts.Text(k.method), t.texts.Text(k.host), t.texts.Text(k.path), n})
		}
	}
	slices.SortFunc(out, func(a, b Repeat) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method),
			cmp.Compare(a.Host, b.Host))
	})
	return out
}

// reads calls each with the reads that neither failed nor were for a part, without further attempts.
func (t *Trace) reads(each func(span)) {
	for _, s := range t.spans.all() {
		method := t.texts.Text(s.method)
		reads := method == http.MethodGet || method == http.MethodHead
		fails := s.failed || s.status == http.StatusUnauthorized || s.status >= http.StatusInternalServerError
		if reads && !fails && s.attempt < 2 && s.status != http.StatusPartialContent && s.status != http.StatusTooManyRequests {
			each(s)
		}
	}
}

// blobs returns the blobs that took longest, at most limit, and the number of the others.
func (t *Trace) blobs(limit int) ([]Blob, int) {
	type key struct {
		blob, host int32
		sent       bool
	}
	found := map[key]Blob{}
	for _, s := range t.spans.all() {
		sends := t.sendsBlob(&s)
		if !sends && !t.receivesBlob(&s) {
			continue
		}
		k := key{s.blob, s.host, sends}
		b := found[k]
		b.Calls++
		b.Bytes += max(s.sent, s.received)
		b.Time += millis(s.phases[sendPhase] + s.phases[waitPhase] + s.phases[receivePhase])
		found[k] = b
	}
	out := make([]Blob, 0, len(found))
	for k, b := range found {
		b.Digest, b.Host, b.Sent = t.texts.Text(k.blob), t.texts.Text(k.host), k.sent
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Blob) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Host, b.Host))
	})
	more := max(len(out)-limit, 0)
	return out[:len(out)-more], more
}
