// Package wire holds the layers between the registry client and the network:
// small decorators of [http.RoundTripper], one concern each, and the
// transport that knows each host's TLS configuration.
//
// A request passes them in this order:
//
//	auth -> Retry -> Limit -> Loopback -> Headers -> (Plan) -> Record -> Policy -> Timeout -> Hosts
//
// The order has reasons:
//
//   - auth is outermost. Its own token requests are requests like any other,
//     so they are repeated, recorded and sent over the host's TLS
//     configuration too. A request repeated by Retry keeps the Authorization
//     header that auth gave it; when the token expired during a long wait, the
//     401 comes back up to auth, which has a new one.
//   - [Retry] sits above everything that belongs to one attempt.
//   - [Limit] sees each attempt and what it is answered, and nothing waits in
//     it while Retry lets time pass.
//   - [Loopback] may send one attempt twice, once as http and once as https.
//     Below Retry a host is not asked five times in the wrong scheme; above
//     Record both sends show.
//   - [Headers] comes before Record, so that a record shows what was sent.
//   - [Plan], where nothing is to be changed, stands above Record, so that
//     what it holds back is not recorded as a call, and below the others, so
//     that a plan has the schemes, tokens and retries of a run.
//   - [Record] sees what goes out: token calls, redirect hops and every single
//     attempt pass it exactly once.
//   - [Policy] is below it, so that a call that it refuses is recorded. It is
//     the last that decides anything: nothing goes out past it.
//   - [Timeout] and [Hosts] only carry the request out.
//
// Redirects are followed by http.Client, above the whole chain, so each hop
// comes down through it again. [Redirects] says which hops are allowed.
//
// Every decorator has a useful zero value, sends through
// [http.DefaultTransport] when its Base is nil, must not be copied once used
// and is safe for concurrent use. As http.RoundTripper demands, none changes
// the request it is given. Errors of a layer below are passed on unwrapped:
// http.Client recognises some of them by their type.
package wire

import (
	"io"
	"net/http"
)

// drainLimit bounds, in bytes, what is read of a response that nobody wants
// before it is closed. A body read to its end leaves the connection reusable.
const drainLimit = 64 << 10

// base returns rt, or the default transport in its absence.
func base(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		return http.DefaultTransport
	}
	return rt
}

// discard drains resp within drainLimit and closes it. resp may be nil.
func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	_ = resp.Body.Close()
}

// hasBody reports whether req carries a body.
func hasBody(req *http.Request) bool {
	return req.Body != nil && req.Body != http.NoBody
}

// closeBody closes the body of a request that is never sent, which
// http.RoundTripper asks for.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
