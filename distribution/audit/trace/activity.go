package trace

import (
	"time"

	"github.com/hczjl/transship/distribution/audit"
)

// Activity is what a moment of a run was spent on. The first seven are the
// phases of a call, in their order and with the names of [audit.Timings] in JSON.
type Activity string

// The activities.
const (
	Blocked Activity = "blocked" // waiting for a connection
	DNS     Activity = "dns"     // a name
	Connect Activity = "connect" // TCP, without TLS
	TLS     Activity = "tls"     // the handshake
	Send    Activity = "send"    // a request with its body
	Wait    Activity = "wait"    // for the first byte of an answer
	Receive Activity = "receive" // an answer with its body

	Stream  Activity = "stream"  // a blob is received from one host and sent to another
	Pause   Activity = "pause"   // before a call is tried once more
	Between Activity = "between" // the program goes on while calls are under way that it does not wait for
	Idle    Activity = "idle"    // nothing is on the wire: the program, or the disk
)

// phases is how many activities are phases of a call.
const phases = 7

// Phases are the activities that are phases of a call, in their order.
func Phases() [phases]Activity {
	return [phases]Activity{Blocked, DNS, Connect, TLS, Send, Wait, Receive}
}

// The numbers of phases.
const (
	sendPhase    = 4
	waitPhase    = 5
	receivePhase = 6
)

// phasesOf returns the phases and their sum in microseconds. What is read of a
// file is neither negative nor longer than some decades: see [audit.Timings].
func phasesOf(t audit.Timings) (out [phases]int64, total int64) {
	for i, d := range [phases]time.Duration{t.Blocked, t.DNS, t.Connect, t.TLS, t.Send, t.Wait, t.Receive} {
		out[i] = d.Microseconds()
		total += out[i]
	}
	return out, total
}
