package wire

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// sniffLimit bounds, in bytes, what is read of a 400 to see who sent it.
const sniffLimit = 4 << 10

// wrongSchemeTexts are what servers of TLS say, with status 400, to a client
// that speaks plain HTTP, in lower case: net/http (and so Caddy), nginx,
// Apache.
var wrongSchemeTexts = [][]byte{
	[]byte("client sent an http request to an https server"),
	[]byte("plain http request was sent to https port"),
	[]byte("speaking plain http to an ssl-enabled server port"),
}

// verdict is what a try as http says of the server.
type verdict int

const (
	plain   verdict = iota // it speaks plain HTTP
	secure                 // it speaks TLS
	doubt                  // a try as https has to tell
	nothing                // nothing: it was not reached, or not waited for
)

// trySchemes sends req, which has no body, as http and if need be as https.
// It returns the answer, and the scheme that the server speaks, empty when
// that is still unknown.
func trySchemes(rt http.RoundTripper, req *http.Request) (*http.Response, string, error) {
	resp, err := rt.RoundTrip(withScheme(req, "http"))
	switch judge(req, resp, err) {
	case plain:
		return resp, "http", nil
	case nothing:
		return resp, "", err
	case secure:
		discard(resp)
		resp, err = rt.RoundTrip(req)
		return resp, "https", err
	}
	again, againErr := rt.RoundTrip(req)
	switch {
	case againErr == nil || isSpokenTLS(againErr):
		discard(resp)
		return again, "https", againErr
	case isPlainHTTP(againErr):
		return resp, "http", err
	}
	discard(resp)
	if err == nil || req.Context().Err() != nil {
		err = againErr
	}
	return nil, "", err
}

// judge reads the outcome of a try as http.
func judge(req *http.Request, resp *http.Response, err error) verdict {
	switch {
	case err != nil:
		return judgeError(req, err)
	case movesToTLS(req, resp):
		return doubt // a proxy may also have got the scheme of a plain server wrong
	case resp.StatusCode != http.StatusBadRequest:
		return plain
	case req.Method == http.MethodHead:
		return doubt // the text that would tell is missing
	case refusesPlainHTTP(resp):
		return secure
	}
	return plain
}

// judgeError reads a failed try as http. A refused connection says nothing
// about TLS, unless it was http's own port that refused it.
func judgeError(req *http.Request, err error) verdict {
	switch {
	case isTLSAlert(err):
		return secure
	case isRefused(err) && req.URL.Port() == "":
		return doubt
	case isBroken(err) && !neverConnected(err):
		return doubt
	}
	return nothing
}

// isTLSAlert reports whether the server answered with a TLS alert: content
// type 21 and major version 3 (RFC 8446, section 5.1), which net/http quotes.
func isTLSAlert(err error) bool {
	return strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`)
}

// movesToTLS reports whether resp redirects to https on the same host and
// port, as nginx is often told to answer plain HTTP.
func movesToTLS(req *http.Request, resp *http.Response) bool {
	if resp.StatusCode/100 != 3 {
		return false
	}
	to, err := resp.Location()
	return err == nil && to.Scheme == "https" && to.Host == req.URL.Host
}

// refusesPlainHTTP reports whether the body of resp says that TLS is wanted
// on this port. What it reads of the body it puts back.
func refusesPlainHTTP(resp *http.Response) bool {
	start, err := io.ReadAll(io.LimitReader(resp.Body, sniffLimit))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = failedReader{err}
	}
	resp.Body = sniffedBody{io.MultiReader(bytes.NewReader(start), rest), resp.Body}
	lower := bytes.ToLower(start)
	for _, text := range wrongSchemeTexts {
		if bytes.Contains(lower, text) {
			return true
		}
	}
	return false
}

// sniffedBody is a body whose start has been read before.
type sniffedBody struct {
	io.Reader
	io.Closer
}

// failedReader gives the error that reading ahead met.
type failedReader struct{ err error }

// Read gives no bytes and always the same error.
func (r failedReader) Read([]byte) (int, error) { return 0, r.err }
