package trace

import "time"

// Call is one call of a run, as [Trace.Call] returns it. All of its texts are printable.
type Call struct {
	Sequence int64 // as in audit.Entry
	Attempt  int   // as in audit.Entry
	Method   string
	Host     string
	Path     string // with a part of the query; digests are shortened, upload sessions left out
	Row      string // as in audit.Entry
	Blob     string // digest of the blob that the call transfers, mounts or asks for
	Status   int    // 0 without an answer
	NotSent  bool   // a policy refused the call before it was sent
	Failed   bool   // no answer, a status of 400 and above that was not expected, or broken off

	Start    time.Duration // from the start of the trace
	Phases   PhaseTimes
	Sent     int64 // bytes of the request's body
	Received int64 // bytes of the response's body
}

// PhaseTimes has the duration of each phase, in the order of [Phases].
type PhaseTimes [phases]time.Duration

// Duration is the time from the call's start to its end.
func (c Call) Duration() time.Duration {
	total := time.Duration(0)
	for _, d := range c.Phases {
		total += d
	}
	return total
}

// Len returns the number of calls.
func (t *Trace) Len() int { return t.spans.len() }

// Call returns call i, from 0, in the order of their starts.
func (t *Trace) Call(i int) Call {
	s := t.spans.at(i)
	c := Call{
		Sequence: s.sequence,
		Attempt:  int(s.attempt),
		Method:   t.texts.Text(s.method),
		Host:     t.texts.Text(s.host),
		Path:     t.texts.Text(s.path),
		Row:      t.texts.Text(s.row),
		Blob:     t.texts.Text(s.blob),
		Status:   int(s.status),
		NotSent:  s.notSent,
		Failed:   s.failed || s.status >= 400 && !s.expected,
		Start:    micros(s.start),
		Sent:     s.sent,
		Received: s.received,
	}
	for i, d := range s.phases {
		c.Phases[i] = micros(d)
	}
	return c
}

// micros returns n microseconds.
func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
