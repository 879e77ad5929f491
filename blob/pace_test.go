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

// The rate holds for all blobs together, and evenly: by the bubble's clock.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := &blob.Pace{Rate: 1 << 20}
		start := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				in, err := pace.Over(inMemory(bulk(1<<20)))(t.Context(), 0)
				if err != nil {
					t.Error(err)
					return
				}
				last := time.Now()
				for buf := make([]byte, 64<<10); err == nil; {
					_, err = in.Read(buf)
					if gap := time.Since(last); gap > 300*time.Millisecond {
						t.Errorf("nothing for %s", gap)
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

func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		in, _ := (&blob.Pace{Rate: 1}).Over(inMemory(make([]byte, 100)))(ctx, 0)
		time.AfterFunc(time.Minute, func() { cancel(enough) })
		if n, err := io.Copy(io.Discard, in); !errors.Is(err, enough) || n < 55 || n > 65 {
			t.Errorf("%d bytes in a minute at one a second, error %v", n, err)
		}
	})
}
