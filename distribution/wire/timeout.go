package wire

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"
)

const defaultHeaderTimeout = 2 * time.Minute

// DefaultStallTimeout is how long a body may stall unless Timeout.Stall says otherwise.
const DefaultStallTimeout = 2 * time.Minute

// Timeout bounds the wait for the response header of a GET or HEAD, and how long a body may stall
// in either direction. As long as a body moves, it may take any time. The wait for the response to
// another method is not bounded here: a registry answers the PUT that closes an upload after it has
// hashed and stored the blob, which can take many minutes for 10 GB.
type Timeout struct {
	// Base sends each request.
	Base http.RoundTripper
	// Header is the longest wait for a header, 2 minutes if zero: a registry that mirrors another
	// may fetch the content before it answers.
	Header time.Duration
	// Stall is the longest wait for a byte of a response's body, or for the network to take more of
	// a request's; DefaultStallTimeout if zero. The time that the caller needs to read the one or
	// to provide the other does not count.
	Stall time.Duration
}

// timeoutError says that a host did not answer, or moved no bytes, in time. Retry, like package
// net, recognises a timeout by the method Timeout.
type timeoutError struct{ text string }

// Error names the host and the bound.
func (e *timeoutError) Error() string { return e.text }

// Timeout is always true.
func (e *timeoutError) Timeout() bool { return true }

// RoundTrip sends req. It fails when the header is late or a body stalls.
func (t *Timeout) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	c := &watchedCall{host: req.URL.Host, stall: cmp.Or(t.Stall, DefaultStallTimeout), ctx: ctx, cancel: cancel}
	stop := func() bool { return true }
	if isRead(req) {
		wait := cmp.Or(t.Header, defaultHeaderTimeout)
		late := &timeoutError{fmt.Sprintf("%s: no answer within %s", req.URL.Host, wait)}
		stop = time.AfterFunc(wait, func() { cancel(late) }).Stop
	}
	resp, err := base(t.Base).RoundTrip(c.watchRequest(req))
	if timeout := c.timedOut(); (!stop() || err != nil) && timeout != nil {
		Drain(resp)
		return nil, timeout
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if resp.Request != nil {
		// ctx ends with the body. The caller may want the context for longer.
		resp.Request = resp.Request.WithContext(req.Context())
	}
	c.watchResponse(resp)
	return resp, nil
}
