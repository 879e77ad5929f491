package wire

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestIsTransient(t *testing.T) {
	if !IsTransientStatus(503) || IsTransientStatus(404) {
		t.Error("want 503 transient and 404 permanent")
	}
	// What a write meets when the peer has closed the connection.
	closed := &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
	for err, want := range map[error]bool{closed: true, errors.New("unknown"): false} {
		if got := IsTransient(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: transient %v", err, got)
		}
	}
}

func TestRetryAfterCountsOn429(t *testing.T) {
	h := http.Header{"Retry-After": {"7"}}
	if wait, ok := RetryAfter(429, h); !ok || wait != 7*time.Second {
		t.Errorf("429: %s, %v", wait, ok)
	}
	if _, ok := RetryAfter(500, h); ok {
		t.Error("500 asks for a wait")
	}
}

func TestBackoffIsBounded(t *testing.T) {
	for n := range 100 {
		if wait := Backoff(n); wait < 0 || wait >= lastBackoff {
			t.Errorf("backoff after failure %d is %s", n, wait)
		}
	}
}
