// Package wire carries the HTTP requests of a registry client. It retries, limits, records and
// checks them, and sends each with the TLS configuration of its host.
//
// Start from [Transport], the transport. It works alone; every other layer is a decorator of
// [http.RoundTripper] with one concern, which sends through the layer in its Base. The Example
// builds the chain.
//
// A request passes the layers in this order:
//
//	auth -> Retry -> Limiter -> Loopback -> Headers -> (Planner) -> Recorder -> Policy -> Timeout -> Transport
//
// The order has reasons:
//
//   - auth is outermost, so that its token requests are also retried, recorded and sent with the
//     TLS configuration of their host. A request that Retry repeats keeps the Authorization header
//     that auth set. If the token expires during a long wait, the 401 goes up to auth, which gets
//     a new token.
//   - [Retry] is above everything that belongs to one attempt.
//   - [Limiter] sees each attempt and its response. No request occupies it while Retry waits.
//   - [Loopback] may send one attempt twice, as http and as https. Since it is below Retry, a host
//     is not retried in the wrong scheme. Since it is above Record, both requests are recorded.
//   - [Headers] is above Record, so that a record shows what was sent.
//   - [Planner], present when nothing may be changed, is above Record, so that a request it holds
//     back is not recorded as a call. It is below the others, so that a plan has the schemes,
//     tokens and retries of a real run.
//   - [Recorder] sees what goes out: every token request, redirect hop and attempt exactly once.
//   - [Policy] is below Record, so that a refused call is recorded. It is the last layer that
//     decides, so every request that is sent has passed it.
//   - [Timeout] and [Transport] only send the request.
//
// http.Client follows redirects above the whole chain, so each hop passes through the chain again.
// [RedirectRules] decides which hops are allowed.
//
// The zero value of every decorator is useful. Without a Base it sends through
// [http.DefaultTransport]. It is safe for concurrent use and must not be copied after first use. No
// decorator changes the request it is given, as [http.RoundTripper] demands. Errors of a lower
// layer are returned unwrapped, since http.Client recognises some of them by their type.
package wire

import (
	"context"
	"io"
	"net/http"
	"time"
)

// maxDrain bounds, in bytes, what Drain reads, and drainTime how long that takes: a new connection
// costs less.
const (
	maxDrain  = 64 << 10
	drainTime = 5 * time.Second
)

// Drain reads at most 64 KiB of what is left of the body of resp, for at most 5 seconds, and closes
// it. A body that was read to its end leaves the connection reusable. resp may be nil.
func Drain(resp *http.Response) {
	if resp == nil {
		return
	}
	defer time.AfterFunc(drainTime, func() { _ = resp.Body.Close() }).Stop()
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
}

// CloseBody closes the body of a request that is not sent, as [http.RoundTripper] demands. The
// request may have none.
func CloseBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// Sleep waits for d. If ctx is done first, it returns context.Cause(ctx).
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// base returns rt, or the default transport if rt is nil.
func base(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		return http.DefaultTransport
	}
	return rt
}

// hasBody reports whether req carries a body.
func hasBody(req *http.Request) bool {
	return req.Body != nil && req.Body != http.NoBody
}

// hasContent reports whether resp has a body that may hold bytes.
func hasContent(resp *http.Response) bool {
	return resp.Body != nil && resp.Body != http.NoBody
}

// isRead reports whether req only reads: the method is GET or HEAD.
func isRead(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead
}

// wrapBody returns a copy of req with the context ctx and its body wrapped. A request without a
// body keeps having none. GetBody is wrapped too: net/http calls it to repeat a request whose idle
// connection was closed, and the bytes it reads then are sent as well.
func wrapBody(ctx context.Context, req *http.Request, wrap func(io.ReadCloser) io.ReadCloser) *http.Request {
	out := req.WithContext(ctx)
	if !hasBody(req) {
		return out
	}
	out.Body = wrap(req.Body)
	if req.GetBody == nil {
		return out
	}
	out.GetBody = func() (io.ReadCloser, error) {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		return wrap(body), nil
	}
	return out
}

// set stores a value in a map, which it makes if it is nil.
func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = value
}
