package wire

import (
	"testing"
	"time"
)

func TestTimingsAddUpToDuration(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(n int) time.Time { return start.Add(time.Duration(n)) }
	tests := map[string]struct {
		times timestamps
		want  Timings
	}{
		"new connection": {
			timestamps{
				connect: at(3), connected: at(5), gotConn: at(9), wrote: at(11), firstByte: at(20), end: at(30),
				dns: 2, tls: 3,
			},
			Timings{Blocked: 2, DNS: 2, Connect: 2, TLS: 3, Send: 2, Wait: 9, Receive: 10},
		},
		"never connected": {
			timestamps{connect: at(1), connected: at(6), end: at(8)},
			Timings{Blocked: 3, Connect: 5},
		},
		"no response": {
			timestamps{gotConn: at(1), wrote: at(4), end: at(9)},
			Timings{Blocked: 1, Send: 3, Wait: 5},
		},
		"broken while sending": {
			timestamps{gotConn: at(1), end: at(9)},
			Timings{Blocked: 1, Send: 8},
		},
		"response before the request was written": {
			timestamps{gotConn: at(1), wrote: at(9), firstByte: at(5), end: at(10)},
			Timings{Blocked: 1, Send: 4, Receive: 5},
		},
		"phases of several connections": {
			timestamps{gotConn: at(4), firstByte: at(5), end: at(6), dns: 3, tls: 3},
			Timings{Blocked: 4, Send: 1, Receive: 1},
		},
		"first byte without an end of writing": {
			timestamps{gotConn: at(1), firstByte: at(5), end: at(6)},
			Timings{Blocked: 1, Send: 4, Receive: 1},
		},
	}
	for name, test := range tests {
		test.times.start = start
		got := test.times.timings()
		if got != test.want || got.total() != int64(test.times.end.Sub(start)) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
