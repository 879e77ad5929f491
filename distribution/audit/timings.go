package audit

import (
	"encoding/json"
	"math"
	"time"
)

// Timings has the phases of a call, which follow one another. A phase that did not take place is
// zero. The sum is the call's duration. In JSON they are milliseconds, as in HAR.
type Timings struct {
	Blocked time.Duration // waiting for a connection
	DNS     time.Duration // name resolution
	Connect time.Duration // TCP, without TLS
	TLS     time.Duration // handshake
	Send    time.Duration // writing the request with its body
	Wait    time.Duration // until the first byte of the response
	Receive time.Duration // reading the response with its body
}

// Total is the sum of the phases.
func (t Timings) Total() time.Duration {
	return t.Blocked + t.DNS + t.Connect + t.TLS + t.Send + t.Wait + t.Receive
}

// timingsJSON is Timings in milliseconds.
type timingsJSON struct {
	Blocked float64 `json:"blocked,omitempty"`
	DNS     float64 `json:"dns,omitempty"`
	Connect float64 `json:"connect,omitempty"`
	TLS     float64 `json:"tls,omitempty"`
	Send    float64 `json:"send,omitempty"`
	Wait    float64 `json:"wait,omitempty"`
	Receive float64 `json:"receive,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (t Timings) MarshalJSON() ([]byte, error) {
	return json.Marshal(timingsJSON{millis(t.Blocked), millis(t.DNS), millis(t.Connect), millis(t.TLS),
		millis(t.Send), millis(t.Wait), millis(t.Receive)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Timings) UnmarshalJSON(b []byte) error {
	var m timingsJSON
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*t = Timings{duration(m.Blocked), duration(m.DNS), duration(m.Connect), duration(m.TLS),
		duration(m.Send), duration(m.Wait), duration(m.Receive)}
	return nil
}

// Millis is a duration that is milliseconds in JSON, with microsecond precision.
type Millis time.Duration

// String formats the duration for people, with two or three significant digits.
func (m Millis) String() string {
	d := time.Duration(m)
	switch {
	case d == 0:
		return "0s"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// MarshalJSON implements json.Marshaler.
func (m Millis) MarshalJSON() ([]byte, error) { return json.Marshal(millis(time.Duration(m))) }

// millis returns d in milliseconds, with microsecond precision.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// duration is the reverse of millis. It returns 0 for -1, HAR's value of a phase that did not take
// place, and at most 1e15 microseconds, so that no number overflows.
func duration(ms float64) time.Duration {
	if !(ms > 0) {
		return 0
	}
	return time.Duration(math.Min(math.Round(ms*1000), 1e15)) * time.Microsecond
}
