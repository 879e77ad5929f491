package distribution_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/registry"
)

// countedSource counts how often it was opened, and how many readers are open.
type countedSource struct {
	bytes []byte
	open  atomic.Int32
	times atomic.Int32
}

func (c *countedSource) at(_ context.Context, offset int64) (io.ReadCloser, error) {
	c.open.Add(1)
	c.times.Add(1)
	return &countedBody{bytes.NewReader(c.bytes[offset:]), c, atomic.Bool{}}, nil
}

type countedBody struct {
	*bytes.Reader
	of     *countedSource
	closed atomic.Bool
}

func (b *countedBody) Close() error {
	if b.closed.CompareAndSwap(false, true) {
		b.of.open.Add(-1)
	}
	return nil
}

// The source is opened before the registry is called. If the registry refuses the upload, the
// source is closed again, and the error is the refusal.
func TestSourceIsClosedAfterRefusal(t *testing.T) {
	for name, rule := range map[string]registry.Rule{
		"401": {Status: 401},
		"403": {Status: 403},
		"413": {Status: 413},
		"429": {Status: 429},
		"500": {Status: 500},
		"cut": {Cut: registry.CutRequest},
	} {
		for _, chunk := range []int64{0, 1 << 19} {
			rule.Match = `^(PUT|PATCH) /v2/a/b/blobs/uploads/`
			l := newFaultyRegistry(t, rule)
			l.repo.ChunkSize = chunk
			b, d := randomBlob(2 << 20)
			src := &countedSource{bytes: b}
			_, err := l.repo.PutBlob(t.Context(), d, src.at)
			if n := src.open.Load(); n != 0 || src.times.Load() == 0 {
				t.Errorf("%s: %d of %d readers are still open", name, n, src.times.Load())
			}
			var answer *distribution.Error
			var request *distribution.RequestError
			if !errors.As(err, &answer) && !errors.As(err, &request) {
				t.Errorf("%s: error %v", name, err)
			}
			l.Set()
			if _, err := l.repo.PutBlob(t.Context(), d, src.at); err != nil || src.open.Load() != 0 {
				t.Errorf("%s: afterwards: error %v, %d open", name, err, src.open.Load())
			}
		}
	}
}
