package distribution

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// wait pauses before a call is repeated after err: longer with each failure, and at least as long
// as Retry-After says. asked is how long the registry has asked the upload to wait before, and grows
// by this wait; a registry that asks for more than MaxWait in all is a *[wire.RetryAfterError].
// Uploads and reads of documents are repeated here and not by wire.Retry, which can neither repeat a
// streamed request body nor see a response body break off.
func (c *Client) wait(ctx context.Context, err error, failures int, asked *time.Duration) error {
	w := wire.RetryWait{Host: c.Host, Attempt: failures, Err: err, Duration: wire.Backoff(failures)}
	var answer *Error
	if errors.As(err, &answer) {
		w.StatusCode, w.Err = answer.StatusCode, nil
		retryAfter, _ := wire.RetryAfter(answer.StatusCode, answer.Header)
		if left := cmp.Or(c.MaxWait, wire.DefaultMaxWait) - *asked; retryAfter > left {
			return tooLate(answer, retryAfter, left)
		}
		*asked += retryAfter
		w.Duration = max(w.Duration, retryAfter)
	}
	if c.OnWait != nil {
		c.OnWait(w)
	}
	sleep := c.Sleep
	if sleep == nil {
		sleep = wire.Sleep
	}
	if waitErr := sleep(ctx, w.Duration); waitErr != nil {
		return errors.Join(err, waitErr)
	}
	return nil
}

// tooLate is the error of a call that the registry asks to wait longer than left.
func tooLate(answer *Error, wait, left time.Duration) error {
	late := &wire.RetryAfterError{
		Method: answer.Method, StatusCode: answer.StatusCode, Wait: wait, Until: time.Now().Add(wait), MaxWait: left,
	}
	if u, err := url.Parse(answer.URL); err == nil {
		late.Host = u.Host
	}
	return &RequestError{Method: answer.Method, URL: answer.URL, Err: late}
}
