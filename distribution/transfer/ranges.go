package transfer

import (
	"context"
	"io"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// rangesOf knows for each source whether it is of use to read blobs in several ranges at once.
type rangesOf struct {
	mu   sync.Mutex
	from map[any]*blob.Ranges
}

// Open returns how the engine reads a blob of a source: in ranges and at a pace, as its fields say.
func (e *Engine) Open(src Source, d manifest.Descriptor) blob.Open {
	return e.Pace.Over(e.inRanges(src, d))
}

func (e *Engine) inRanges(src Source, d manifest.Descriptor) blob.Open {
	whole := func(ctx context.Context, offset int64) (io.ReadCloser, error) { return src.Blob(ctx, d, offset) }
	if _, ok := src.(Ranged); !ok || e.Jobs == 1 && e.Ranges == 0 {
		return whole
	}
	return e.ranges.of(src, e.Ranges).Over(d.Size, whole, func(ctx context.Context, offset, n int64) (io.ReadCloser, bool, error) {
		return BlobRange(ctx, src, d, offset, n)
	})
}

// of returns what is known of a source. All repositories of a registry are one.
func (r *rangesOf) of(src Source, n int) *blob.Ranges {
	registry, _ := place(src)
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.from[registry]
	if !ok {
		if r.from == nil {
			r.from = map[any]*blob.Ranges{}
		}
		known = &blob.Ranges{N: n}
		r.from[registry] = known
	}
	return known
}
