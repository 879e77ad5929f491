package trace

import "time"

// Call is one call of a run, as [Trace.Call] returns it. Its texts are printable.
type Call struct {
	Sequence int64 // as in audit.Entry
	Attempt  int   // as in audit.Entry
	Method   string
	Host     string
	Path     string // shortened
	Row      string // as in audit.Entry
	Blob     string // digest of the blob that it moves, mounts or asks for
	Status   int    // 0 when there was no answer
	NotSent  bool   // a policy refused it before it was sent
	Failed   bool   // it got no answer or one with a status of 400 and above, or it broke off

	Start    time.Duration // from the run's start
	Phases   PhaseTimes
	Sent     int64 // bytes of the request's body
	Received int64 // bytes of the answer's body
}

// PhaseTimes has the time of each phase, in the order of [Phases].
type PhaseTimes [phases]time.Duration

// Duration is the time from the call's start to its end.
func (c Call) Duration() time.Duration {
	total := time.Duration(0)
	for _, d := range c.Phases {
		total += d
	}
	return total
}

// Len returns how many calls the trace has.
func (t *Trace) Len() int { return len(t.spans) }

// Call returns call i, from 0, in the order of their starts.
func (t *Trace) Call(i int) Call {
	s := &t.spans[i]
	c := Call{
		Sequence: s.sequence,
		Attempt:  int(s.attempt),
		Method:   t.names.Text(s.method),
		Host:     t.names.Text(s.host),
		Path:     t.names.Text(s.what),
		Row:      t.names.Text(s.row),
		Blob:     t.names.Text(s.blob),
		Status:   int(s.status),
		NotSent:  s.held,
		Failed:   s.failed || s.status >= 400,
		Start:    micros(s.start),
		Sent:     s.sent,
		Received: s.received,
	}
	for i, d := range s.phases {
		c.Phases[i] = micros(d)
	}
	return c
}

// micros is n microseconds.
func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
