package distribution

import (
	"context"
	"errors"

	"github.com/hczjl/transship/distribution/wire"
)

// wait pauses before a call is repeated after err: longer with each failure, and at least as long
// as Retry-After says. Uploads and reads of documents are repeated here and not by wire.Retry,
// which can neither repeat a streamed request body nor see a response body break off.
func (c *Client) wait(ctx context.Context, err error, failures int) error {
	w := wire.RetryWait{Host: c.Host, Attempt: failures, Err: err, Duration: wire.Backoff(failures)}
	var answer *Error
	if errors.As(err, &answer) {
		w.StatusCode, w.Err = answer.StatusCode, nil
		retryAfter, _ := wire.RetryAfter(answer.StatusCode, answer.Header)
		w.Duration = max(w.Duration, retryAfter)
	}
	if c.OnWait != nil {
		c.OnWait(w)
	}
	if c.Sleep != nil {
		return c.Sleep(ctx, w.Duration)
	}
	return wire.Sleep(ctx, w.Duration)
}
