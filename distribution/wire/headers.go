package wire

import (
	"cmp"
	"net/http"
)

// Headers sets the headers that every request should have, unless the request has its own:
// User-Agent, and on GET and HEAD "Accept-Encoding: identity", since digests are of the bytes on
// the wire.
type Headers struct {
	// Base sends each request.
	Base http.RoundTripper
	// UserAgent is the program and its version, as in "transship/1.0.0". "transship" if empty.
	UserAgent string
}

// RoundTrip sends a copy of req with the headers set.
func (h *Headers) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.WithContext(req.Context())
	out.Header = req.Header.Clone()
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	setDefault(out.Header, "User-Agent", cmp.Or(h.UserAgent, "transship"))
	if isRead(req) || req.Method == "" {
		setDefault(out.Header, "Accept-Encoding", "identity")
	}
	return base(h.Base).RoundTrip(out)
}

// setDefault sets a header that is missing. One that is present but empty stays: with that a caller
// makes net/http omit User-Agent.
func setDefault(h http.Header, name, value string) {
	if _, ok := h[name]; !ok {
		h.Set(name, value)
	}
}
