package wire

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const defaultHeaderTimeout = 2 * time.Minute

// DefaultStall is how long a body may not move unless told otherwise.
const DefaultStall = 2 * time.Minute

// Timeout bounds the wait for the header of the answer to a GET or HEAD, and
// how long a body may not move, in either direction: as long as it does, it
// may take any time. Answers to other methods are not bounded here: the PUT
// that closes an upload is answered when the registry has hashed and stored
// the blob, which can take many minutes for 10 GB.
type Timeout struct {
	// Base sends each request.
	Base http.RoundTripper
	// Header is the longest wait, 2 minutes if zero: a registry that mirrors
	// another may fetch the content before it answers.
	Header time.Duration
	// Stall is the longest wait for a byte of an answer's body, or for the
	// network to take more of a request's; DefaultStall if zero. Time that the
	// caller takes, to read the one or to give the other, is not part of it.
	Stall time.Duration
}

// lateError is a header that did not come in time. Its Timeout method is what
// Retry, like the net package, knows a timeout by.
type lateError struct {
	host  string
	limit time.Duration
}

// Error names the host and the time that it was waited for.
func (e *lateError) Error() string {
	return fmt.Sprintf("%s: no answer within %s", e.host, e.limit)
}

// Timeout is always true.
func (e *lateError) Timeout() bool { return true }

// RoundTrip sends req, and gives it up when the header is late or a body
// stalls.
func (t *Timeout) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	s := &stalling{host: req.URL.Host, limit: cmp.Or(t.Stall, DefaultStall), ctx: ctx, cancel: cancel}
	stop := func() bool { return true }
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		late := &lateError{host: req.URL.Host, limit: cmp.Or(t.Header, defaultHeaderTimeout)}
		stop = time.AfterFunc(late.limit, func() { cancel(late) }).Stop
	}
	resp, err := base(t.Base).RoundTrip(s.sending(req))
	if late := s.given(); !stop() && late != nil || err != nil && late != nil {
		discard(resp)
		return nil, late
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if resp.Request != nil {
		// ctx ends with the body. The caller may want the context for longer.
		resp.Request = resp.Request.WithContext(req.Context())
	}
	resp.Body = s.receiving(endWith(resp.Body, cancel))
	return resp, nil
}

// endWith returns body so that its end or Close releases a context.
func endWith(body io.ReadCloser, cancel context.CancelCauseFunc) io.ReadCloser {
	if body == nil || body == http.NoBody {
		cancel(nil)
		return body
	}
	return &cancelBody{ReadCloser: body, cancel: cancel}
}

// cancelBody is a body that the call's context ends with.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Read releases the context at the first error, io.EOF among them.
func (b *cancelBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel(nil)
	}
	return n, err
}

// Close releases the context, after the body is closed.
func (b *cancelBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
