package trace

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/audittest"
)

const connectPhase = 2

// testCall is a call with times in milliseconds.
type testCall struct {
	at      int
	row     string
	host    string
	blob    int             // 0 for none
	phases  [phases]float64 // from Blocked to Receive
	retryOf int64           // sequence of the first attempt
}

func (p testCall) entry(sequence int64) audit.Entry {
	method := map[string]string{"end-2": "GET", "end-6": "PUT", "end-5": "PATCH"}[p.row]
	ms := func(phase int) time.Duration { return time.Duration(p.phases[phase] * float64(time.Millisecond)) }
	e := audit.Entry{
		Sequence: sequence, Attempt: 1, Row: p.row, Method: method, URL: "https://" + p.host + "/x", Status: 200,
		Start: time.Unix(0, 0).Add(time.Duration(p.at) * time.Millisecond),
		Timings: audit.Timings{Blocked: ms(0), DNS: ms(1), Connect: ms(2), TLS: ms(3), Send: ms(4), Wait: ms(5),
			Receive: ms(6)},
		Peer: "192.0.2.1:443", Local: "192.0.2.9:50001", Reused: p.phases[connectPhase] == 0,
	}
	if p.blob != 0 {
		e.Why.Blob = audittest.Digest(p.blob)
		e.Request.Bytes, e.Response.Bytes = 1000, 0
		if method == "GET" {
			e.Request.Bytes, e.Response.Bytes = 0, 1000
		}
	}
	if p.retryOf != 0 {
		e.Attempt, e.Why.RetryOf = 2, p.retryOf
	}
	return e
}

// traceOf returns a trace of calls, numbered from 1. The run began at 0 and ended at end
// milliseconds.
func traceOf(end int, calls ...testCall) *Trace {
	start := time.Unix(0, 0)
	t := &Trace{Run: audit.Run{Tool: "x", Start: start},
		End: &audit.End{Time: start.Add(time.Duration(end) * time.Millisecond)}}
	for i, p := range calls {
		t.add(p.entry(int64(i + 1)))
	}
	t.finish()
	return t
}

// segments returns the segments of the critical path.
func segments(t *Trace) (out []segment) {
	t.criticalPath(func(s segment) { out = append(out, s) })
	slices.Reverse(out)
	return out
}

// pathText describes the segments of the critical path: times in milliseconds, the activity, and
// the sequences of its calls.
func pathText(t *Trace) []string {
	var out []string
	for _, s := range segments(t) {
		text := fmt.Sprintf("%d-%d %s", s.from/1000, s.to/1000, s.activity)
		if s.call >= 0 {
			text += fmt.Sprint(" ", t.spans.at(int(s.call)).sequence)
		}
		if s.partner >= 0 {
			text += fmt.Sprint(">", t.spans.at(int(s.partner)).sequence)
		}
		out = append(out, text)
	}
	return out
}

func TestCriticalPath(t *testing.T) {
	wait := func(ms float64) [phases]float64 { return [phases]float64{waitPhase: ms} }
	tests := map[string]struct {
		end   int
		calls []testCall
		want  string
	}{
		"nothing":  {0, nil, ""},
		"no calls": {50, nil, "0-50 idle"},
		"all phases": {100, []testCall{{at: 10, host: "a", phases: [phases]float64{1, 2, 3, 4, 5, 6, 7}}},
			"0-10 idle, 10-11 blocked 1, 11-13 dns 1, 13-16 connect 1, 16-20 tls 1, 20-25 send 1, 25-31 wait 1, 31-38 receive 1, 38-100 idle"},
		"one after another": {60, []testCall{{at: 0, host: "a", phases: wait(20)},
			{at: 25, host: "a", phases: wait(30)}},
			"0-20 wait 1, 20-25 idle, 25-55 wait 2, 55-60 idle"},
		"side by side, the longer counts": {50, []testCall{{at: 0, host: "a", phases: wait(50)},
			{at: 5, host: "a", phases: wait(20)}},
			"0-50 wait 1"},
		"the last call that ended before": {100, []testCall{
			{at: 0, host: "a", phases: wait(30)}, {at: 0, host: "a", phases: wait(40)},
			{at: 0, host: "a", phases: wait(70)},
			{at: 40, host: "a", phases: wait(60)}},
			"0-40 wait 2, 40-100 wait 4"},
		"others under way": {100, []testCall{
			{at: 0, host: "a", phases: wait(20)}, {at: 30, host: "a", phases: wait(40)},
			{at: 60, host: "a", phases: wait(40)}},
			"0-20 wait 1, 20-30 idle, 30-60 between, 60-100 wait 3"},
		"a pause": {100, []testCall{
			{at: 0, host: "a", phases: wait(10)}, {at: 5, host: "a", phases: wait(40)},
			{at: 70, host: "a", phases: wait(30), retryOf: 1}},
			"0-10 wait 1, 10-70 pause 3, 70-100 wait 3"},
		"a pause after an attempt that is missing": {20, []testCall{{at: 10, host: "a", phases: wait(10), retryOf: 7}},
			"0-10 idle, 10-20 wait 1"},
		"a call that repeats itself": {20, []testCall{{at: 10, host: "a", phases: wait(10), retryOf: 1}},
			"0-10 idle, 10-20 wait 1"},
		"a blob is streamed": {100, []testCall{
			{at: 10, row: "end-6", host: "b", blob: 1, phases: [phases]float64{connectPhase: 5, sendPhase: 70,
				waitPhase: 15}},
			{at: 20, row: "end-2", host: "a", blob: 1, phases: [phases]float64{waitPhase: 20, receivePhase: 40}}},
			"0-10 idle, 10-15 connect 1, 15-20 send 1, 20-40 wait 2, 40-80 stream 2>1, 80-85 send 1, 85-100 wait 1"},
		"another blob is not": {30, []testCall{
			{at: 0, row: "end-6", host: "b", blob: 1, phases: [phases]float64{sendPhase: 30}},
			{at: 0, row: "end-2", host: "a", blob: 2, phases: [phases]float64{receivePhase: 29}}},
			"0-30 send 1"},
		"in chunks": {100, []testCall{
			{at: 5, row: "end-2", host: "a", blob: 1, phases: [phases]float64{waitPhase: 5, receivePhase: 80}},
			{at: 0, row: "end-5", host: "b", blob: 1, phases: [phases]float64{sendPhase: 40, waitPhase: 10}},
			{at: 55, row: "end-5", host: "b", blob: 1, phases: [phases]float64{sendPhase: 35, waitPhase: 10}}},
			"0-5 send 2, 5-10 wait 1, 10-40 stream 1>2, 40-50 wait 2, 50-55 between, 55-90 stream 1>3, 90-100 wait 3"},
		"ranges side by side": {60, []testCall{
			{at: 0, row: "end-6", host: "b", blob: 1, phases: [phases]float64{sendPhase: 60}},
			{at: 0, row: "end-2", host: "a", blob: 1, phases: [phases]float64{receivePhase: 50}},
			{at: 10, row: "end-2", host: "a", blob: 1, phases: [phases]float64{receivePhase: 10}},
			{at: 40, row: "end-2", host: "c", blob: 1, phases: [phases]float64{receivePhase: 15}}},
			"0-50 stream 2>1, 50-55 stream 4>1, 55-60 send 1"},
		"two targets": {60, []testCall{
			{at: 0, row: "end-2", host: "a", blob: 1, phases: [phases]float64{waitPhase: 10, receivePhase: 30}},
			{at: 2, row: "end-6", host: "b", blob: 1, phases: [phases]float64{sendPhase: 40, waitPhase: 2}},
			{at: 3, row: "end-6", host: "c", blob: 1, phases: [phases]float64{sendPhase: 40, waitPhase: 17}}},
			"0-3 between, 3-10 wait 1, 10-40 stream 1>3, 40-43 send 3, 43-60 wait 3"},
		"no time at all": {20, []testCall{{at: 10, host: "a"}, {at: 10, host: "a"},
			{at: 10, host: "a", phases: wait(5)}}, "0-10 idle, 10-15 wait 3, 15-20 idle"},
	}
	for name, test := range tests {
		got := strings.Join(pathText(traceOf(test.end, test.calls...)), ", ")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The path of any calls has no gaps and no overlaps, and the reasons add up to all of the time.
func TestCriticalPathHasNoGaps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	rows := []string{"end-2", "end-5", "end-6", ""}
	for range 200 {
		var calls []testCall
		for i := range 1 + random.IntN(60) {
			p := testCall{at: random.IntN(500), row: rows[random.IntN(len(rows))], host: "a", blob: random.IntN(4)}
			for j := range p.phases {
				p.phases[j] = float64(random.IntN(3) * random.IntN(20))
			}
			if random.IntN(5) == 0 {
				p.retryOf = int64(random.IntN(i + 1))
			}
			calls = append(calls, p)
		}
		tr := traceOf(random.IntN(900), calls...)
		at := int64(0)
		for _, s := range segments(tr) {
			if s.from != at || s.to <= s.from {
				t.Fatalf("after %d comes %+v", at, s)
			}
			at = s.to
		}
		if at != tr.wall() {
			t.Fatalf("the path ends at %d, the run at %d", at, tr.wall())
		}
		var sum audit.Millis
		for _, r := range tr.Report(1).Reasons {
			sum += r.Time
		}
		if sum != millis(tr.wall()) {
			t.Fatalf("reasons for %s of %s", sum, millis(tr.wall()))
		}
	}
}
