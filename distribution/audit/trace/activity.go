package trace

import (
	"time"

	"github.com/hczjl/transship/distribution/audit"
)

// Activity is what time of a run was spent on. The first seven are the phases of a call, in their
// order and with the names of [audit.Timings] in JSON.
type Activity string

// The activities.
const (
	Blocked Activity = "blocked" // waiting for a connection
	DNS     Activity = "dns"     // name resolution
	Connect Activity = "connect" // TCP, without TLS
	TLS     Activity = "tls"     // handshake
	Send    Activity = "send"    // a request with its body
	Wait    Activity = "wait"    // for the first byte of a response
	Receive Activity = "receive" // a response with its body

	Stream  Activity = "stream"  // receiving a blob from one host and sending it to another
	Pause   Activity = "pause"   // before a further attempt
	Between Activity = "between" // the program itself, while calls are under way that it does not wait for
	Idle    Activity = "idle"    // no call is under way: the program itself, or the disk
)

// phases is the number of phases of a call.
const phases = 7

// Phases returns the activities that are phases of a call, in their order.
func Phases() [phases]Activity {
	return [phases]Activity{Blocked, DNS, Connect, TLS, Send, Wait, Receive}
}

// Indexes into the phases of a call.
const (
	sendPhase    = 4
	waitPhase    = 5
	receivePhase = 6
)

// phasesOf returns the phases and their sum, in microseconds. Both are limited, because package
// audit limits the durations that it reads.
func phasesOf(t audit.Timings) (out [phases]int64, total int64) {
	for i, d := range [phases]time.Duration{t.Blocked, t.DNS, t.Connect, t.TLS, t.Send, t.Wait, t.Receive} {
		out[i] = d.Microseconds()
		total += out[i]
	}
	return out, total
}
