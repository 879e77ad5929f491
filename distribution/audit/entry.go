package audit

import (
	"net/http"
	"time"

	"github.com/hczjl/transship/manifest/signature"
)

// Entry is one attempt of one call.
type Entry struct {
	Sequence int64  `json:"sequence"`           // position in the order of starts, from 1
	Attempt  int    `json:"attempt"`            // of the same request, from 1
	Why      Why    `json:"why,omitzero"`       // the purpose of the call
	Row      string `json:"row,omitempty"`      // "end-1" to "end-14", "token", "redirect", "catalog", or empty
	Method   string `json:"method"`             // such as GET
	URL      string `json:"url"`                // redacted
	Status   int    `json:"status"`             // 0 without an answer
	Protocol string `json:"protocol,omitempty"` // such as HTTP/1.1

	Start    time.Time `json:"start"`
	Timings  Timings   `json:"timings"`
	Request  Message   `json:"request"`
	Response Message   `json:"response"`

	Peer       string `json:"peer,omitempty"`  // IP address and port of the registry, or of the proxy in between
	Local      string `json:"local,omitempty"` // IP address and port on this side of the connection
	TLS        TLS    `json:"tls,omitzero"`
	Reused     bool   `json:"reused,omitempty"`     // an earlier call used the connection
	Congestion string `json:"congestion,omitempty"` // congestion control of TCP that the connection was given for uploads
	Resent     int    `json:"resent,omitempty"`     // times that net/http repeated it, because an idle connection had been closed

	Error   string `json:"error,omitempty"`   // why the call ended early
	Refused string `json:"refused,omitempty"` // policy that stopped it: "allow-host", "read-only", "max-calls", "max-bytes", "expect"
}

// Duration is the time from the call's start to its end.
func (e Entry) Duration() time.Duration { return e.Timings.Total() }

// NotSent reports whether a policy refused the call before it was sent. An entry with Refused that
// was sent is a call whose body a policy cut off.
func (e Entry) NotSent() bool { return e.Refused != "" && e.Peer == "" }

// Why is the purpose of a call.
type Why struct {
	Command    string `json:"command,omitempty"`    // of the program, such as copy
	Image      string `json:"image,omitempty"`      // reference that the program is working on
	Manifest   string `json:"manifest,omitempty"`   // digest
	Blob       string `json:"blob,omitempty"`       // digest
	Probe      bool   `json:"probe,omitempty"`      // it asks whether something is there: 404 is an answer, no failure
	RetryOf    int64  `json:"retryOf,omitempty"`    // sequence of the attempt that this one repeats
	RedirectOf int64  `json:"redirectOf,omitempty"` // sequence of the call that was redirected here
	TokenFor   int64  `json:"tokenFor,omitempty"`   // sequence of the call that needed the token
}

// Message is a request or a response.
type Message struct {
	Headers  http.Header `json:"headers,omitempty"`  // redacted; of a request as written to the wire
	Bytes    int64       `json:"bytes"`              // of the body, as far as it was transferred
	Digest   string      `json:"digest,omitempty"`   // of the body; empty if it was not transferred whole, and for token calls
	DigestBy string      `json:"digestBy,omitempty"` // who computed Digest: ByRecord or ByStream
}

// Values of [Message.DigestBy].
const (
	ByRecord = "record" // the recorder, from the bytes that passed
	ByStream = "stream" // the verification of a blob's bytes
)

// TLS is the outcome of a TLS handshake.
type TLS struct {
	Version string `json:"version"` // such as TLS 1.3
	Cipher  string `json:"cipher"`  // IANA name, such as TLS_AES_128_GCM_SHA256
}

// Run is the first record of an audit: it describes the run.
type Run struct {
	Tool    string    `json:"tool"`
	Version string    `json:"version"`
	Command []string  `json:"command,omitempty"` // the command line without its secrets
	Start   time.Time `json:"start"`
}

// End is the last record of an audit. A run that is killed does not write one.
type End struct {
	Calls int64     `json:"calls"` // entries written
	Time  time.Time `json:"time"`
	// Signatures is what the policy of --require-signature said of each image.
	Signatures []signature.Verdict `json:"signatures,omitempty"`
}
