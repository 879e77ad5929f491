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

// counted is a source that counts what is open of it.
type counted struct {
	bytes []byte
	open  atomic.Int32
	times atomic.Int32
}

func (c *counted) at(_ context.Context, offset int64) (io.ReadCloser, error) {
	c.open.Add(1)
	c.times.Add(1)
	return &countedBody{bytes.NewReader(c.bytes[offset:]), c, atomic.Bool{}}, nil
}

type countedBody struct {
	*bytes.Reader
	of     *counted
	closed atomic.Bool
}

func (b *countedBody) Close() error {
	if b.closed.CompareAndSwap(false, true) {
		b.of.open.Add(-1)
	}
	return nil
}

// A source is open before the registry is sent anything. However the registry refuses, it is closed when that is told, and
// the refusal is the error.
func TestASourceIsClosedWhereTheRegistryRefuses(t *testing.T) {
	for name, rule := range map[string]registry.Rule{
		"401":         {Status: 401},
		"403":         {Status: 403},
		"413":         {Status: 413},
		"429":         {Status: 429},
		"500":         {Status: 500},
		"cut at once": {Cut: registry.CutRequest},
	} {
		for _, chunk := range []int64{0, 1 << 19} {
			rule.On = `^(PUT|PATCH) /v2/a/b/blobs/uploads/`
			l := newLab(t, rule)
			l.repo.ChunkSize = chunk
			b, d := random(2 << 20)
			src := &counted{bytes: b}
			_, err := l.repo.PutBlob(t.Context(), d, src.at)
			if n := src.open.Load(); n != 0 || src.times.Load() == 0 {
				t.Errorf("%s: of %d openings %d are left open", name, src.times.Load(), n)
			}
			var answer *distribution.Error
			var broken *distribution.RequestError
			if !errors.As(err, &answer) && !errors.As(err, &broken) {
				t.Errorf("%s: error %v", name, err)
			}
			l.Set()
			if _, err := l.repo.PutBlob(t.Context(), d, src.at); err != nil || src.open.Load() != 0 {
				t.Errorf("%s: afterwards: error %v, %d open", name, err, src.open.Load())
			}
		}
	}
}
