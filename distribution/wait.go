package distribution

import (
	"context"
	"errors"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// wait pauses before a call is made again after err: longer with each failure, and at least as long as the registry asks
// for. Uploads and the bodies of documents wait here, because a decorator on the transport can neither repeat a body that
// is a stream nor see one that breaks off.
func (c *Client) wait(ctx context.Context, err error, failures int) error {
	w := wire.Wait{Host: c.Host, Attempt: failures, Err: err, For: wire.Backoff(failures)}
	var answer *Error
	if errors.As(err, &answer) {
		w.StatusCode, w.Err = answer.StatusCode, nil
		asked, _ := wire.RetryAfter(answer.StatusCode, answer.Header)
		w.For = max(w.For, asked)
	}
	if c.OnWait != nil {
		c.OnWait(w)
	}
	if c.Sleep != nil {
		return c.Sleep(ctx, w.For)
	}
	return sleep(ctx, w.For)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
