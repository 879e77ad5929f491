package trace

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
)

// A call comes back as it was added, whatever its numbers are.
func TestSpansKeepCalls(t *testing.T) {
	most := span{
		sequence: math.MaxInt64, start: -1e15, total: 7e15, phases: [phases]int64{1e15, 1e15, 1e15, 1e15, 1e15, 1e15, 1e15},
		sent: math.MaxInt64, received: math.MinInt64, retryOf: math.MaxInt64, host: math.MaxInt32, row: 1, method: 2, path: 3,
		blob: 4, refused: 5, status: 404, attempt: 999, resent: 999, failed: true, probe: true, expected: true, dialed: true,
		notSent: true,
	}
	var l spans
	for _, s := range []span{{}, most} {
		l.add(s)
	}
	for i, want := range []span{{}, most} {
		if diff := cmp.Diff(want, l.at(i), cmp.AllowUnexported(span{})); diff != "" {
			t.Errorf("call %d: %s", i, diff)
		}
	}
}

// A call of a browser takes less than 50 bytes beside its texts.
func TestSpansAreSmall(t *testing.T) {
	const calls = 10_000
	tr := &Trace{}
	for i := range calls {
		tr.add(audit.Entry{
			Sequence: int64(i + 1), Attempt: 1, Method: "GET", URL: fmt.Sprintf("https://example.com/%d", i), Status: 200,
			Start:    time.Unix(int64(i), 0),
			Timings:  audit.Timings{Blocked: time.Millisecond, Wait: 80 * time.Millisecond, Receive: 20 * time.Millisecond},
			Response: audit.Message{Bytes: 50_000},
		})
	}
	tr.finish()
	if size := len(tr.spans.bytes)/calls + 8; size >= 50 {
		t.Errorf("%d bytes for each call", size)
	}
}
