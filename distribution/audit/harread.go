package audit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// fromHAR decodes an entry of any tool. Custom fields, which begin with an underscore, mean
// something else in other tools, so a wrong type of one is no error.
func fromHAR(record rawRecord) (*Entry, error) {
	var h harEntry
	err := json.Unmarshal(record.text, &h)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && strings.Contains(mismatch.Field, "_") {
		err = nil
	}
	if err != nil {
		return nil, wrongType(err)
	}
	start, err := time.Parse(time.RFC3339Nano, h.Started)
	if err != nil {
		return nil, fmt.Errorf("startedDateTime is %q, no time of RFC 3339", h.Started)
	}
	e := &Entry{
		Sequence: h.Sequence, Attempt: max(h.Attempt, 1), Why: h.Why, Row: h.Row,
		Method: h.Request.Method, URL: redactURL(h.Request.URL), Status: int(h.Response.Status), Protocol: h.protocol(),
		Start: start, Timings: fromHARTimings(h.Timings),
		Request: Message{
			fromHARHeaders(h.Request.Headers), bodySize(h.Request.BodySize), h.RequestDigest.Digest, h.RequestDigest.By,
		},
		Response: Message{
			fromHARHeaders(h.Response.Headers), h.responseSize(), h.ResponseDigest.Digest, h.ResponseDigest.By,
		},
		Peer: h.Peer, Local: h.Local, TLS: h.TLS, Reused: h.Reused, Resent: h.Resent, Congestion: h.Congestion,
		Error: h.Error, Refused: h.Refused,
	}
	if e.Sequence == 0 {
		e.Sequence = record.at
	}
	if e.Peer == "" {
		e.Peer = strings.Trim(h.ServerIP, "[]")
	}
	if u, err := url.Parse(e.URL); err == nil && e.Row == "" {
		e.Row = endpoint.ID(e.Method, u)
	}
	return e, nil
}

// wrongType returns an error of json, that of a value of another type in words of JSON.
func wrongType(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Errorf("%s must not be a JSON %s", cmp.Or(mismatch.Field, "it"), mismatch.Value)
	}
	return err
}

func redactURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "REDACTED"
	}
	return wire.Redact(u)
}

// protocol prefers that of the response: some tools note the request before the protocol is
// negotiated.
func (h harEntry) protocol() string {
	if h.Response.HTTPVersion != "" {
		return h.Response.HTTPVersion
	}
	return h.Request.HTTPVersion
}

// responseSize is the size of the response's body on the wire, or its decoded size for tools that
// know only that.
func (h harEntry) responseSize() int64 {
	if h.Response.BodySize >= 0 {
		return bodySize(h.Response.BodySize)
	}
	return bodySize(h.Response.Content.Size)
}

// bodySize returns a number of bytes, 0 for -1, which means unknown.
func bodySize(n float64) int64 {
	if !(n > 0) || n > 1<<62 {
		return 0
	}
	return int64(n)
}

func fromHARHeaders(list []harHeader) http.Header {
	h := http.Header{}
	for _, x := range list {
		h.Add(x.Name, x.Value)
	}
	return wire.RedactHeader(h)
}

func fromHARTimings(t harTimings) Timings {
	tls := max(t.SSL, 0)
	return Timings{
		Blocked: duration(t.Blocked), DNS: duration(t.DNS), Connect: duration(t.Connect - tls), TLS: duration(tls),
		Send: duration(t.Send), Wait: duration(t.Wait), Receive: duration(t.Receive),
	}
}
