// Package trace says what the time of a recorded run went to. Start from [Read], which reads an
// audit or a HAR of another tool into a [Trace]; [Trace.Report] sums it up, with the critical path.
package trace

import (
	"cmp"
	"net/url"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// Trace has the calls of an audit as far as their times are concerned: about 50 bytes for each
// call, whatever its headers are, and every distinct text once.
type Trace struct {
	Run    audit.Run    // zero if the file has none
	Format audit.Format // of the file
	End    *audit.End   // nil if the file has none
	// Broken is where the rest of the file could not be read, nil if all of it was: see
	// [audit.ReadAll].
	Broken *audit.RecordError

	client string    // see Report.Client
	start  time.Time // all moments are counted from here
	spans  spans
	texts  texts.Table
}

// Read reads an audit to its end. Errors are those of [audit.ReadAll].
func Read(r *audit.Reader) (*Trace, error) {
	t := &Trace{Format: r.Format()}
	broken, err := audit.ReadAll(r, t.add)
	if err != nil {
		return nil, err
	}
	t.Run, t.End, t.Broken = r.Run, r.End, broken
	t.finish()
	return t, nil
}

// add adds an entry. Until finish, its start is counted from that of the first entry.
func (t *Trace) add(e audit.Entry) {
	if t.start.IsZero() {
		t.start = e.Start
	}
	t.client = cmp.Or(t.client, texts.Printable(e.Request.Headers.Get("User-Agent")))
	host, path := hostAndPath(e)
	phases, total := phasesOf(e.Timings)
	printable := func(text string) int32 { return t.texts.Number(texts.Printable(text)) }
	t.spans.add(span{
		sequence: e.Sequence,
		start:    microsBetween(t.start, e.Start),
		total:    total,
		phases:   phases,
		sent:     e.Request.Bytes,
		received: e.Response.Bytes,
		retryOf:  e.Why.RetryOf,
		host:     printable(host),
		row:      printable(e.Row),
		method:   printable(e.Method),
		path:     t.texts.Number(path),
		blob:     printable(e.Blob()),
		refused:  printable(e.Refused),
		status:   int16(min(max(e.Status, 0), 999)),
		attempt:  int16(min(e.Attempt, 999)),
		resent:   int16(min(e.Resent, 999)),
		failed:   e.Error != "" || e.Status == 0,
		probe:    e.Why.Probe,
		dialed:   dialed(e),
		notSent:  e.NotSent(),
	})
}

// finish sorts the calls, and counts all moments from the start of the run, or from the first call
// if the file has no start of the run, or a later one.
func (t *Trace) finish() {
	t.spans.sort()
	shift := int64(0)
	if t.Len() > 0 {
		shift = -t.spans.at(0).start
	}
	if begun := t.Run.Start; !begun.IsZero() {
		if t.start.IsZero() {
			t.start = begun
		}
		shift = max(shift, microsBetween(begun, t.start))
	}
	t.start = t.start.Add(-micros(shift))
	t.spans.shift = shift
}

// wall is the moment at which the trace ends: the end of the run, or of the last call.
func (t *Trace) wall() int64 {
	wall := int64(0)
	for _, s := range t.spans.all() {
		wall = max(wall, s.end())
	}
	if t.End != nil && !t.Run.Start.IsZero() {
		wall = max(wall, microsBetween(t.start, t.End.Time))
	}
	return wall
}

// microsBetween returns the microseconds from one moment to another, limited to some decades. With
// that the sum of a few of them fits into a time.Duration, whatever a file says.
func microsBetween(from, to time.Time) int64 {
	const limit = 1e15
	return max(-limit, min(to.Sub(from).Microseconds(), limit))
}

// dialed reports whether a call opened its connection. HARs of other tools show that only by the
// time it took.
func dialed(e audit.Entry) bool {
	if e.Local != "" {
		return !e.Reused
	}
	return e.Timings.Connect > 0 || e.Timings.TLS > 0
}

// hostAndPath returns an entry's host, and its path as [Call] has it.
func hostAndPath(e audit.Entry) (host, path string) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "", "?"
	}
	return u.Host, shortPath(u, e.Row)
}
