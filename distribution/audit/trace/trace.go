// Package trace says what the time of a recorded run went to. [Read] reads a record, package audit's or another
// tool's HAR, into a [Trace]; [Trace.Report] sums it up, with the critical path.
package trace

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// Trace is what the reports about a run's time need of an audit: of each call
// about 150 bytes, whatever its headers are, and each blob's and path's name
// once. With what waits for the garbage collector an audit of 400,000 calls
// takes some 250 MB.
type Trace struct {
	Run    audit.Run    // zero where the file does not say
	Format audit.Format // of the file
	End    *audit.End   // nil where the file has none
	// Broken says where the file could not be read on, nil if it could be read
	// to its end: see [audit.ReadAll].
	Broken *audit.RecordError

	start time.Time // all moments are counted from here
	spans []span    // in the order of their starts
	names texts.Table
}

// span is a call. Times are microseconds; moments are counted from the start
// of the trace.
type span struct {
	sequence       int64
	start, total   int64
	phases         [phases]int64
	sent, received int64
	retryOf        int64 // sequence
	host, row      int32 // by names, as are those below
	method, what   int32
	blob           int32
	refused        int32 // the policy
	status         int16
	attempt        int16
	resent         int16
	failed, dialed bool
	held           bool // a policy did not let it out
}

func (s *span) end() int64 { return s.start + s.total }

// Read reads an audit to its end. Errors are those of [audit.ReadAll].
func Read(r *audit.Reader) (*Trace, error) {
	t := &Trace{Format: r.Format()}
	broken, err := audit.ReadAll(r, t.add)
	if err != nil {
		return nil, err
	}
	t.Run, t.End, t.Broken = r.Run, r.End, broken
	t.settle()
	return t, nil
}

// add keeps an entry. Its start is counted from the first one's until settle.
func (t *Trace) add(e audit.Entry) {
	if t.start.IsZero() {
		t.start = e.Start
	}
	host, what := target(e)
	phases, total := phasesOf(e.Timings)
	t.spans = append(t.spans, span{
		sequence: e.Sequence,
		start:    between(t.start, e.Start),
		total:    total,
		phases:   phases,
		sent:     e.Request.Bytes,
		received: e.Response.Bytes,
		retryOf:  e.Why.RetryOf,
		host:     t.names.Number(texts.Printable(host)),
		row:      t.names.Number(texts.Printable(e.Row)),
		method:   t.names.Number(texts.Printable(e.Method)),
		what:     t.names.Number(what),
		blob:     t.names.Number(texts.Printable(e.Blob())),
		refused:  t.names.Number(texts.Printable(e.Refused)),
		status:   int16(min(max(e.Status, 0), 999)),
		attempt:  int16(min(e.Attempt, 999)),
		resent:   int16(min(e.Resent, 999)),
		failed:   e.Error != "" || e.Status == 0,
		dialed:   dialed(e),
		held:     e.NotSent(),
	})
}

// settle sorts the calls and counts all from the run's start, or from the
// first call where the run does not say or says a later one.
func (t *Trace) settle() {
	slices.SortStableFunc(t.spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.sequence, b.sequence))
	})
	shift := int64(0)
	if len(t.spans) > 0 {
		shift = -t.spans[0].start
	}
	if begun := t.Run.Start; !begun.IsZero() {
		if t.start.IsZero() {
			t.start = begun
		}
		shift = max(shift, between(begun, t.start))
	}
	t.start = t.start.Add(-time.Duration(shift) * time.Microsecond)
	for i := range t.spans {
		t.spans[i].start += shift
	}
}

// wall is where the trace ends: at the run's end, or that of the last call.
func (t *Trace) wall() int64 {
	wall := int64(0)
	for i := range t.spans {
		wall = max(wall, t.spans[i].end())
	}
	if t.End != nil && !t.Run.Start.IsZero() {
		wall = max(wall, between(t.start, t.End.Time))
	}
	return wall
}

// between is the time from one moment to another in microseconds, which is kept
// to some decades, so that no sum of a few is too large for a time.Duration,
// whatever a file says.
func between(from, to time.Time) int64 {
	const most = 1e15
	return max(-most, min(to.Sub(from).Microseconds(), most))
}

// dialed tells whether a call opened the connection that it went over. Other
// tools tell only by the time that it took.
func dialed(e audit.Entry) bool {
	if e.Local != "" {
		return !e.Reused
	}
	return e.Timings.Connect > 0 || e.Timings.TLS > 0
}

// target returns an entry's host and its path as people read it.
func target(e audit.Entry) (host, what string) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "", "?"
	}
	return u.Host, shortPath(u, e.Row)
}
