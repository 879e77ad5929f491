package trace

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
)

// A 404 to a call that asks whether something is there, and a 401 after which the call was repeated
// with credentials, are no errors. The same statuses are errors to other calls.
func TestExpectedAnswers(t *testing.T) {
	call := func(sequence int64, status int, why audit.Why) audit.Entry {
		return audit.Entry{
			Sequence: sequence, Attempt: 1, Row: "end-3", Method: "HEAD", URL: "https://x.example.com/v2/a/manifests/1",
			Status: status, Why: why, Start: time.Unix(sequence, 0), Peer: "192.0.2.1:443",
		}
	}
	tr := &Trace{}
	for _, e := range []audit.Entry{
		call(1, http.StatusUnauthorized, audit.Why{Probe: true}), // the challenge
		call(2, http.StatusNotFound, audit.Why{Probe: true, RetryOf: 1}),
		call(3, http.StatusNotFound, audit.Why{}),
		call(4, http.StatusUnauthorized, audit.Why{RetryOf: 3}), // denied: nothing repeats it
		call(5, http.StatusInternalServerError, audit.Why{Probe: true}),
	} {
		tr.add(e)
	}
	tr.finish()
	r := tr.Report(0)
	if diff := cmp.Diff(map[int]int{401: 1, 404: 1, 500: 1}, r.Total.Errors); diff != "" {
		t.Error("errors:", diff)
	}
	if diff := cmp.Diff(map[int]int{401: 1, 404: 1}, r.Total.Expected); diff != "" {
		t.Error("expected:", diff)
	}
	var failed []int64
	for i := range tr.Len() {
		if c := tr.Call(i); c.Failed {
			failed = append(failed, c.Sequence)
		}
	}
	if diff := cmp.Diff([]int64{3, 4, 5}, failed); diff != "" {
		t.Error("failed:", diff)
	}
}
