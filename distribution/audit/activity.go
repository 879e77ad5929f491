package audit

import "time"

// Activity is what a moment of a run was spent on. The first seven are the
// phases of a call, in their order and with the names of [Timings] in JSON.
type Activity string

// The activities.
const (
	Blocked    Activity = "blocked" // waiting for a connection
	LookingUp  Activity = "dns"     // a name
	Connecting Activity = "connect" // TCP, without TLS
	Securing   Activity = "tls"     // the handshake
	Sending    Activity = "send"    // a request with its body
	Waiting    Activity = "wait"    // for the first byte of an answer
	Receiving  Activity = "receive" // an answer with its body

	Streaming Activity = "stream"  // a blob is received from one host and sent to another
	Pausing   Activity = "pause"   // before a call is tried once more
	Between   Activity = "between" // the program goes on while calls are under way that it does not wait for
	Idle      Activity = "idle"    // nothing is on the wire: the program, or the disk
)

// phases is how many activities are phases of a call.
const phases = 7

// phaseNames are the activities that are phases, in their order.
func phaseNames() [phases]Activity {
	return [phases]Activity{Blocked, LookingUp, Connecting, Securing, Sending, Waiting, Receiving}
}

// The numbers of phases.
const (
	sendPhase    = 4
	waitPhase    = 5
	receivePhase = 6
)

// phasesOf returns the phases and their sum in microseconds. What is read of a
// file is neither negative nor longer than some decades: see duration.
func phasesOf(t Timings) (out [phases]int64, total int64) {
	for i, d := range [phases]time.Duration{t.Blocked, t.DNS, t.Connect, t.TLS, t.Send, t.Wait, t.Receive} {
		out[i] = d.Microseconds()
		total += out[i]
	}
	return out, total
}
