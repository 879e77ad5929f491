package wire

import "net/http"

// Headers sets the headers that every request should have, where the request
// has none of its own: User-Agent, and on GET and HEAD "Accept-Encoding:
// identity", since digests are of the bytes on the wire.
type Headers struct {
	// Base sends each request.
	Base http.RoundTripper
	// UserAgent is the program and its version, as in "transship/1.0.0".
	// "transship" if empty.
	UserAgent string
}

// RoundTrip sends a copy of req with the headers set.
func (h *Headers) RoundTrip(req *http.Request) (*http.Response, error) {
	agent := h.UserAgent
	if agent == "" {
		agent = "transship"
	}
	out := req.WithContext(req.Context())
	out.Header = req.Header.Clone()
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	setDefault(out.Header, "User-Agent", agent)
	if req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == "" {
		setDefault(out.Header, "Accept-Encoding", "identity")
	}
	return base(h.Base).RoundTrip(out)
}

// setDefault sets a header that is not there. One that is there but empty
// stays, which is how a caller has net/http leave out User-Agent.
func setDefault(h http.Header, name, value string) {
	if _, ok := h[name]; !ok {
		h.Set(name, value)
	}
}
