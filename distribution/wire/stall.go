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

// watchedCall is a call whose bodies Timeout watches.
type watchedCall struct {
	host   string
	stall  time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
	header *headerTimer
}

// timedOut returns the *timeoutError that ended the call, or nil.
func (c *watchedCall) timedOut() error {
	cause := context.Cause(c.ctx)
	if errors.As(cause, new(*timeoutError)) {
		return cause
	}
	return nil
}

// startTimer returns a running timer that ends the call as stalled: timer itself, reset, unless it is
// nil.
func (c *watchedCall) startTimer(timer *time.Timer) *time.Timer {
	if timer == nil {
		stalled := &timeoutError{text: fmt.Sprintf("%s: no bytes moved for %s", c.host, c.stall)}
		return time.AfterFunc(c.stall, func() { c.cancel(stalled) })
	}
	timer.Reset(c.stall)
	return timer
}

// watchRequest returns req with the call's context and its body watched. Once the transport has
// read some of the body, it must read more in time, up to the body's end. Then the header is waited
// for.
func (c *watchedCall) watchRequest(req *http.Request) *http.Request {
	return wrapBody(c.ctx, req, func(body io.ReadCloser) io.ReadCloser {
		return &stallRequestBody{ReadCloser: body, call: c, left: req.ContentLength}
	})
}

// watchResponse watches the body of resp. The call's context ends with it.
func (c *watchedCall) watchResponse(req *http.Request, resp *http.Response) {
	if !hasContent(resp) {
		c.cancel(nil)
		return
	}
	pace := bodyPace{host: c.host, window: max(c.stall, minWindow), blob: isBlobContent(req, resp, rowOf(req))}
	resp.Body = &stallResponseBody{ReadCloser: resp.Body, call: c, pace: pace}
}

// stallRequestBody is a request's body.
type stallRequestBody struct {
	io.ReadCloser
	call *watchedCall
	left int64 // bytes, -1 if unknown

	mu    sync.Mutex
	timer *time.Timer // runs until the next Read
}

// Read stops the timer while the caller provides its bytes, and restarts it after that unless the
// body has ended.
func (b *stallRequestBody) Read(p []byte) (int, error) {
	b.stopTimer()
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err == nil && b.left != 0 {
		b.mu.Lock()
		b.timer = b.call.startTimer(b.timer)
		b.mu.Unlock()
	} else {
		b.call.header.start()
	}
	return n, err
}

func (b *stallRequestBody) stopTimer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
}

// Close stops the timer.
func (b *stallRequestBody) Close() error {
	b.stopTimer()
	return b.ReadCloser.Close()
}

// stallResponseBody is a response's body. The call's context ends with its end or its Close.
type stallResponseBody struct {
	io.ReadCloser
	call  *watchedCall
	pace  bodyPace
	timer *time.Timer // runs during a Read
}

// Read returns the *timeoutError that ended the call in place of the transport's error that it
// caused.
func (b *stallResponseBody) Read(p []byte) (int, error) {
	if timeout := b.call.timedOut(); timeout != nil {
		return 0, timeout
	}
	b.timer = b.call.startTimer(b.timer)
	began := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err == nil {
		if slow := b.pace.add(n, time.Since(began)); slow != nil {
			b.call.cancel(slow)
		}
		return n, nil
	}
	b.call.cancel(nil)
	if err != io.EOF {
		if timeout := b.call.timedOut(); timeout != nil {
			err = timeout
		}
	}
	return n, err
}

// Close releases the call's context after the body is closed.
func (b *stallResponseBody) Close() error {
	err := b.ReadCloser.Close()
	b.call.cancel(nil)
	return err
}
