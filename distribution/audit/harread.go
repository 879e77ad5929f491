package audit

import (
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

// fromHAR reads an entry, of whatever tool. Members with an underscore mean
// something else in each of them, so that their types do not matter.
func fromHAR(record raw) (*Entry, error) {
	var h harEntry
	err := json.Unmarshal(record.text, &h)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) && strings.Contains(other.Field, "_") {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	start, err := time.Parse(time.RFC3339Nano, h.Started)
	if err != nil {
		return nil, fmt.Errorf("startedDateTime: %w", err)
	}
	e := &Entry{
		Sequence: h.Sequence, Attempt: max(h.Attempt, 1), Why: h.Why, Row: h.Row,
		Method: h.Request.Method, URL: redactText(h.Request.URL), Status: int(h.Response.Status), Protocol: h.protocol(),
		Start: start, Timings: fromHARTimings(h.Timings),
		Request:  Message{fromHARHeaders(h.Request.Headers), bodySize(h.Request.BodySize), h.RequestDigest.Digest, h.RequestDigest.By},
		Response: Message{fromHARHeaders(h.Response.Headers), h.received(), h.ResponseDigest.Digest, h.ResponseDigest.By},
		Peer:     h.Peer, Local: h.Local, TLS: h.TLS, Reused: h.Reused, Resent: h.Resent,
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

// redactText redacts a URL.
func redactText(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "REDACTED"
	}
	return wire.Redact(u)
}

// protocol is that of the answer; a request may have been written down before
// it was settled.
func (h harEntry) protocol() string {
	if h.Response.HTTPVersion != "" {
		return h.Response.HTTPVersion
	}
	return h.Request.HTTPVersion
}

// received is what came of the body. Some tools know only what it became.
func (h harEntry) received() int64 {
	if h.Response.BodySize >= 0 {
		return bodySize(h.Response.BodySize)
	}
	return bodySize(h.Response.Content.Size)
}

// bodySize is a number of bytes; -1 means unknown.
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
