package audit

import (
	"errors"

	"github.com/hczjl/transship/distribution/wire"
)

// FromCall converts a call that package wire has recorded.
func FromCall(c wire.Call) Entry {
	e := Entry{
		Sequence:   c.Sequence,
		Attempt:    c.Attempt,
		Why:        Why(c.Why),
		Row:        c.Endpoint,
		Method:     c.Method,
		URL:        c.URL,
		Status:     c.StatusCode,
		Protocol:   c.Protocol,
		Start:      c.Start.UTC(),
		Timings:    Timings(c.Timings),
		Request:    Message{Headers: c.RequestHeader, Bytes: c.Sent},
		Response:   Message{Headers: c.ResponseHeader, Bytes: c.Received},
		Peer:       c.Peer,
		Local:      c.Local,
		TLS:        TLS{c.TLSVersion, c.Cipher},
		Reused:     c.Reused,
		Congestion: c.Congestion,
		Resent:     c.Resent,
	}
	e.Request.setDigest(c.SentDigest)
	e.Response.setDigest(c.ReceivedDigest)
	if c.Err != nil {
		e.Error = c.Err.Error()
	}
	var refusal *wire.PolicyError
	if errors.As(c.Err, &refusal) {
		e.Refused = refusal.Policy
	}
	return e
}

func (m *Message) setDigest(d wire.BodyDigest) {
	if d.Digest == "" {
		return
	}
	m.Digest, m.DigestBy = d.Digest, ByRecord
	if d.FromVerification {
		m.DigestBy = ByStream
	}
}
