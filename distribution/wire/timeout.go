package wire

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/hczjl/transship/blob"
)

const defaultHeaderTimeout = 2 * time.Minute

// DefaultStallTimeout is how long a body may stall unless Timeout.Stall says otherwise.
const DefaultStallTimeout = 2 * time.Minute

// Timeout bounds the wait for a response's header, and how long a body may stall in either
// direction. Only the call that closes an upload may be answered later, in proportion to the
// upload's size: see [WithClosedUpload].
//
// As long as a blob's bytes move, at 256 bytes per second or more, it may take any time. Any other
// response is a document, which must be complete within a minute, or Stall if that is longer. A body
// that is slower fails with an error that is [blob.ErrTooSlow].
type Timeout struct {
	// Base sends each request.
	Base http.RoundTripper
	// Header is the longest wait for a header, counted from the end of the request's body, 2 minutes
	// if zero: a registry that mirrors another may fetch the content before it answers.
	Header time.Duration
	// Stall is the longest wait for a byte of a response's body, or for the network to take more of
	// a request's; DefaultStallTimeout if zero. The time that the caller needs to read the one or
	// to provide the other does not count.
	Stall time.Duration
}

// timeoutError says that a host did not answer, or moved no bytes, in time. Retry, like package
// net, recognises a timeout by the method Timeout.
type timeoutError struct {
	text       string
	unanswered bool // there was no header
	slow       bool // the body was too slow
}

// Error names the host and the bound.
func (e *timeoutError) Error() string { return e.text }

// Timeout is always true.
func (e *timeoutError) Timeout() bool { return true }

// Is reports whether target is blob.ErrTooSlow and the body was too slow.
func (e *timeoutError) Is(target error) bool { return e.slow && target == blob.ErrTooSlow }

// RoundTrip sends req. It fails when the header is late or a body stalls.
func (t *Timeout) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	c := &watchedCall{
		host: req.URL.Host, stall: cmp.Or(t.Stall, DefaultStallTimeout), ctx: ctx, cancel: cancel,
		header: newHeaderTimer(cmp.Or(t.Header, defaultHeaderTimeout), req, cancel),
	}
	if !hasBody(req) {
		c.header.start()
	}
	resp, err := base(t.Base).RoundTrip(c.watchRequest(req))
	inTime := c.header.stop()
	if timeout := c.timedOut(); (!inTime || err != nil) && timeout != nil {
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
	c.watchResponse(req, resp)
	return resp, nil
}
