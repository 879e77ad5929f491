package wire

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxSniff bounds, in bytes, how much of a 400's body is read to recognise a TLS server.
const maxSniff = 4 << 10

// wrongSchemeTexts are what TLS servers answer, with status 400, to a client of plain HTTP, in
// lower case: net/http (and so Caddy), nginx, Apache.
var wrongSchemeTexts = []string{
	"client sent an http request to an https server",
	"plain http request was sent to https port",
	"speaking plain http to an ssl-enabled server port",
}

// verdict is what sending a request as http shows about the server.
type verdict int

const (
	plainHTTP   verdict = iota // it speaks plain HTTP
	speaksTLS                  // it speaks TLS
	undecided                  // the request must be sent as https to decide
	unreachable                // unknown: there was no connection, or no time
)

// trySchemes sends req, which has no body, as http, and as https if that is necessary. It returns
// the response, and the scheme that the server speaks, empty if it is still unknown.
func trySchemes(rt http.RoundTripper, req *http.Request) (*http.Response, string, error) {
	resp, err := rt.RoundTrip(withScheme(req, "http"))
	switch classify(req, resp, err) {
	case plainHTTP:
		return resp, "http", nil
	case unreachable:
		return resp, "", err
	case speaksTLS:
		Drain(resp)
		resp, err = rt.RoundTrip(req)
		return resp, "https", err
	}
	overTLS, errTLS := rt.RoundTrip(req)
	switch {
	case errTLS == nil || isSpokenTLS(errTLS):
		Drain(resp)
		return overTLS, "https", errTLS
	case IsPlainHTTP(errTLS):
		return resp, "http", err
	}
	Drain(resp)
	if err == nil || req.Context().Err() != nil {
		err = errTLS
	}
	return nil, "", err
}

// classify reads the outcome of sending req as http.
func classify(req *http.Request, resp *http.Response, err error) verdict {
	switch {
	case err != nil:
		return classifyError(req, err)
	case redirectsToTLS(req, resp):
		return undecided // a proxy may have the wrong scheme for a server of plain HTTP
	case resp.StatusCode != http.StatusBadRequest:
		return plainHTTP
	case req.Method == http.MethodHead:
		return undecided // the text that would show it is missing
	case refusesPlainHTTP(resp):
		return speaksTLS
	}
	return plainHTTP
}

// classifyError reads the error of sending req as http. A refused connection shows nothing about
// TLS, unless http's default port refused it.
func classifyError(req *http.Request, err error) verdict {
	switch {
	case isTLSAlert(err):
		return speaksTLS
	case isRefused(err) && req.URL.Port() == "":
		return undecided
	case isBroken(err) && !neverConnected(err):
		return undecided
	}
	return unreachable
}

// isTLSAlert reports whether the server answered with a TLS alert: content type 21 and major
// version 3 (RFC 8446, section 5.1), which net/http quotes.
func isTLSAlert(err error) bool {
	return strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`)
}

// redirectsToTLS reports whether resp redirects to https on the same host and port, which nginx is
// often configured to answer to plain HTTP.
func redirectsToTLS(req *http.Request, resp *http.Response) bool {
	to := redirectTarget(resp)
	return to != nil && to.Scheme == "https" && to.Host == req.URL.Host
}

// refusesPlainHTTP reports whether the body of resp says that this port expects TLS. The body can
// still be read from its start.
func refusesPlainHTTP(resp *http.Response) bool {
	start, err := io.ReadAll(io.LimitReader(resp.Body, maxSniff))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = errorBody{err}
	}
	resp.Body = sniffedBody{io.MultiReader(bytes.NewReader(start), rest), resp.Body}
	text := strings.ToLower(string(start))
	return slices.ContainsFunc(wrongSchemeTexts, func(known string) bool { return strings.Contains(text, known) })
}

// sniffedBody is a body whose start has been read before.
type sniffedBody struct {
	io.Reader
	io.Closer
}
