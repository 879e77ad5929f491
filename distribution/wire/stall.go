package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// stallError is a connection that has not moved for too long. Its Timeout
// method is what Retry, like the net package, knows a timeout by.
type stallError struct {
	host  string
	limit time.Duration
}

// Error names the host and the time that it was waited for.
func (e *stallError) Error() string {
	return fmt.Sprintf("%s: the connection moved nothing for %s", e.host, e.limit)
}

// Timeout is always true.
func (e *stallError) Timeout() bool { return true }

// stalling is one call whose bodies are watched.
type stalling struct {
	host   string
	limit  time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// given returns the error that Timeout has ended the call with, nil if it has
// not.
func (s *stalling) given() error {
	cause := context.Cause(s.ctx)
	var late *lateError
	var stalled *stallError
	if errors.As(cause, &late) || errors.As(cause, &stalled) {
		return cause
	}
	return nil
}

// watch starts a clock: the call ends when nobody stops it. It may be one that
// was stopped before.
func (s *stalling) watch(clock *time.Timer) *time.Timer {
	if clock == nil {
		return time.AfterFunc(s.limit, func() { s.cancel(&stallError{s.host, s.limit}) })
	}
	clock.Reset(s.limit)
	return clock
}

// sending returns the request with the context that can end it. From the
// moment that the transport has got some of the body, it has to come for more
// in time, up to the body's end.
func (s *stalling) sending(req *http.Request) *http.Request {
	out := req.WithContext(s.ctx)
	if !hasBody(req) {
		return out
	}
	out.Body = &takenBody{ReadCloser: req.Body, stalling: s, left: req.ContentLength}
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return &takenBody{ReadCloser: body, stalling: s, left: req.ContentLength}, nil
		}
	}
	return out
}

// takenBody is a request's body.
type takenBody struct {
	io.ReadCloser
	*stalling
	left int64 // -1 where that is not known

	mu    sync.Mutex
	clock *time.Timer // until the next Read
}

// Read stops the clock while the caller gives its bytes, and starts it anew behind them, unless the body ends there.
func (b *takenBody) Read(p []byte) (int, error) {
	b.rest()
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err == nil && b.left != 0 {
		b.mu.Lock()
		b.clock = b.watch(b.clock)
		b.mu.Unlock()
	}
	return n, err
}

// rest stops the clock.
func (b *takenBody) rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clock != nil {
		b.clock.Stop()
	}
}

// Close stops the clock.
func (b *takenBody) Close() error {
	b.rest()
	return b.ReadCloser.Close()
}

// receiving watches an answer's body.
func (s *stalling) receiving(body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	return &givenBody{ReadCloser: body, stalling: s}
}

// givenBody is an answer's body. A Read that takes too long ends with why.
type givenBody struct {
	io.ReadCloser
	*stalling
	clock *time.Timer
}

// Read fails with what Timeout has ended the call with, in place of the transport's error that came of it.
func (b *givenBody) Read(p []byte) (int, error) {
	b.clock = b.watch(b.clock)
	n, err := b.ReadCloser.Read(p)
	b.clock.Stop()
	if err != nil && err != io.EOF {
		if stalled := b.given(); stalled != nil {
			err = stalled
		}
	}
	return n, err
}
