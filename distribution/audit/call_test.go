package audit

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/wire"
)

// A call with all fields set makes an entry with all fields set.
func TestFromCall(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	call := wire.Call{
		Sequence: 1, Attempt: 2,
		Why: wire.Purpose{Command: "copy", Image: "a", Manifest: "m", Blob: "b", Probe: true, RetryOf: 3, RedirectOf: 4,
			TokenFor: 5},
		Endpoint: "end-2", Method: "GET", URL: "u", Host: "h", StatusCode: 200, Protocol: "HTTP/1.1", Start: start,
		Duration:      28,
		Timings:       wire.Timings{Blocked: 1, DNS: 2, Connect: 3, TLS: 4, Send: 5, Wait: 6, Receive: 7},
		RequestHeader: http.Header{"A": {"b"}}, ResponseHeader: http.Header{"C": {"d"}}, Sent: 8, Received: 9,
		SentDigest: wire.BodyDigest{Digest: "s", FromVerification: true}, ReceivedDigest: wire.BodyDigest{Digest: "r"},
		Peer: "p", Local: "l", TLSVersion: "v", Cipher: "c", Reused: true, Resent: 10, Congestion: "b", Err: errors.New("e"),
	}
	want := Entry{
		Sequence: 1, Attempt: 2, Why: Why{"copy", "a", "m", "b", true, 3, 4, 5}, Row: "end-2", Method: "GET", URL: "u",
		Status:   200,
		Protocol: "HTTP/1.1", Start: start, Timings: Timings{1, 2, 3, 4, 5, 6, 7},
		Request:  Message{http.Header{"A": {"b"}}, 8, "s", ByStream},
		Response: Message{http.Header{"C": {"d"}}, 9, "r", ByRecord},
		Peer:     "p", Local: "l", TLS: TLS{"v", "c"}, Reused: true, Resent: 10, Congestion: "b", Error: "e",
	}
	got := FromCall(call)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for v, i := reflect.ValueOf(call), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test leaves out Call.%s", v.Type().Field(i).Name)
		}
	}
	call.Err = fmt.Errorf("failed: %w", &wire.PolicyError{Policy: "read-only"})
	if got := FromCall(call).Refused; got != "read-only" {
		t.Errorf("refused by %q", got)
	}
	if got.Duration() != call.Duration {
		t.Errorf("duration %v", got.Duration())
	}
}
