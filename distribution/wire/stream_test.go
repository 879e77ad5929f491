package wire

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestRulesForStreams(t *testing.T) {
	if !IsTransientStatus(503) || IsTransientStatus(404) {
		t.Error("503 passes, 404 stays")
	}
	for err, want := range map[error]bool{
		&net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}: true, // the peer hung up while a body was sent
		errors.New("no such thing"):                               false,
	} {
		if got := IsTransient(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: transient %v", err, got)
		}
	}
	h := http.Header{"Retry-After": {"7"}}
	if wait, ok := RetryAfter(429, h); !ok || wait != 7*time.Second {
		t.Errorf("429: %s, %v", wait, ok)
	}
	if _, ok := RetryAfter(500, h); ok {
		t.Error("500 asks for no wait")
	}
	for n := range 100 {
		if wait := Backoff(n); wait < 0 || wait >= lastBackoff {
			t.Errorf("backoff after failure %d is %s", n, wait)
		}
	}
}
