package audit

import (
	"net/http"
	"time"
)

// Entry is one attempt of one call.
type Entry struct {
	Sequence int64  `json:"sequence"`           // position in the order of starts, from 1
	Attempt  int    `json:"attempt"`            // of the same request, from 1
	Why      Why    `json:"why,omitzero"`       // what the call was for
	Row      string `json:"row,omitempty"`      // "end-1" to "end-14", "token", "redirect", "catalog"; empty where it is none
	Method   string `json:"method"`             // such as GET
	URL      string `json:"url"`                // redacted
	Status   int    `json:"status"`             // 0 when there was no answer
	Protocol string `json:"protocol,omitempty"` // such as HTTP/1.1

	Start    time.Time `json:"start"`
	Timings  Timings   `json:"timings"`
	Request  Message   `json:"request"`
	Response Message   `json:"response"`

	Peer   string `json:"peer,omitempty"`  // IP address and port that answered: the registry, or the proxy before it
	Local  string `json:"local,omitempty"` // IP address and port that it was asked from
	TLS    TLS    `json:"tls,omitzero"`
	Reused bool   `json:"reused,omitempty"` // the connection had served another call
	Resent int    `json:"resent,omitempty"` // times that net/http sent it anew, since an idle connection turned out to be closed

	Error   string `json:"error,omitempty"`   // what ended the call early
	Refused string `json:"refused,omitempty"` // the policy that did not let it out, or cut off its body: "allow-host", "read-only", "max-calls", "max-bytes", "expect"
}

// Duration is the time from the call's start to its end.
func (e Entry) Duration() time.Duration { return e.Timings.Total() }

// NotSent reports whether a policy refused the call before it was sent. A call that has Refused and was sent
// is one whose body a policy cut off.
func (e Entry) NotSent() bool { return e.Refused != "" && e.Peer == "" }

// Why is what a call was for.
type Why struct {
	Command    string `json:"command,omitempty"`    // of the program, such as copy
	Image      string `json:"image,omitempty"`      // the reference being worked on
	Manifest   string `json:"manifest,omitempty"`   // digest
	Blob       string `json:"blob,omitempty"`       // digest
	RetryOf    int64  `json:"retryOf,omitempty"`    // sequence of the attempt that this repeats
	RedirectOf int64  `json:"redirectOf,omitempty"` // sequence of the call that was redirected here
	TokenFor   int64  `json:"tokenFor,omitempty"`   // sequence of the call that a token was demanded for
}

// Message is a request or a response.
type Message struct {
	Headers  http.Header `json:"headers,omitempty"`  // redacted; of a request those that were written to the wire
	Bytes    int64       `json:"bytes"`              // of the body that passed
	Digest   string      `json:"digest,omitempty"`   // of the whole body; empty where it did not pass whole, and of token calls
	DigestBy string      `json:"digestBy,omitempty"` // who has computed Digest: ByRecord or ByStream
}

// Who has computed a body's digest.
const (
	ByRecord = "record" // the recorder has hashed it as it passed
	ByStream = "stream" // the verification that a blob passes anyway
)

// TLS is what the two sides agreed on.
type TLS struct {
	Version string `json:"version"` // such as TLS 1.3
	Cipher  string `json:"cipher"`  // name by IANA, such as TLS_AES_128_GCM_SHA256
}

// Run says what an audit is of.
type Run struct {
	Tool    string    `json:"tool"`
	Version string    `json:"version"`
	Command []string  `json:"command,omitempty"` // the command line without its secrets
	Start   time.Time `json:"start"`
}

// End is the last record of a run that has written its audit to the end.
type End struct {
	Calls int64     `json:"calls"` // entries written
	Time  time.Time `json:"time"`
}
