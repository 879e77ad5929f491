package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
)

func inMemory(content []byte) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
}

func TestRateLimiterLimitsAllBlobsTogetherAndEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := &blob.RateLimiter{Rate: 1 << 20}
		start := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				in, err := pace.Wrap(inMemory(randomBytes(1<<20)))(t.Context(), 0)
				if err != nil {
					t.Error(err)
					return
				}
				last := time.Now()
				for buf := make([]byte, 64<<10); err == nil; {
					_, err = in.Read(buf)
					if gap := time.Since(last); gap > 300*time.Millisecond {
						t.Errorf("no byte for %s", gap)
					}
					last = time.Now()
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took < 3800*time.Millisecond || took > 4200*time.Millisecond {
			t.Errorf("4 MiB at 1 MiB/s took %s", took)
		}
	})
}

func TestRateLimiterStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("canceled")
		in, _ := (&blob.RateLimiter{Rate: 1}).Wrap(inMemory(make([]byte, 100)))(ctx, 0)
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		if n, err := io.Copy(io.Discard, in); !errors.Is(err, cause) || n < 55 || n > 65 {
			t.Errorf("%d bytes in a minute at one a second, error %v", n, err)
		}
	})
}
