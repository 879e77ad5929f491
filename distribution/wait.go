package distribution

import (
	"context"
	"errors"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// wait pauses before an upload goes on after err: as long as the registry asks for, else longer with each failure.
// Uploads wait here because a decorator on the transport cannot repeat a body that is a stream.
func (c *Client) wait(ctx context.Context, err error, failures int) error {
	pause := wire.Backoff(failures)
	var answer *Error
	if errors.As(err, &answer) {
		if asked, ok := wire.RetryAfter(answer.StatusCode, answer.Header); ok {
			pause = asked
		}
	}
	if c.Sleep != nil {
		return c.Sleep(ctx, pause)
	}
	return sleep(ctx, pause)
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
