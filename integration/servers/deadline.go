package servers

import (
	"testing"
	"time"
)

// Deadline is when a test stops waiting for what does not happen: shortly before the test binary's own deadline (go test
// -timeout), so that the test still reports what it waited for. On a slow machine a test is late, not failed.
func Deadline(t testing.TB) time.Time {
	if t, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := t.Deadline(); ok {
			return end.Add(-time.Until(end) / 20)
		}
	}
	return time.Now().Add(time.Hour)
}

// Eventually calls ready until it succeeds, and fails the test with the last error if it never does.
func Eventually(t testing.TB, ready func() error) {
	t.Helper()
	for end := Deadline(t); ; time.Sleep(5 * time.Millisecond) {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
