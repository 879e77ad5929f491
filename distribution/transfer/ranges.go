package transfer

import (
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
	return e.open(src, placeOf(src), d)
}

func (e *Engine) open(src Source, from place, d manifest.Descriptor) blob.Open {
	return e.Pace.Over(e.inRanges(src, from, d))
}

func (e *Engine) inRanges(src Source, from place, d manifest.Descriptor) blob.Open {
	open, part := RangedBlob(src, d)
	if part == nil || e.Jobs == 1 && e.Ranges == 0 {
		return open
	}
	return e.ranges.of(from, e.Ranges).Over(d.Size, open, part)
}

// of returns what is known of a source. All repositories of a registry are one.
func (r *rangesOf) of(from place, n int) *blob.Ranges {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.from[from.registry]
	if !ok {
		if r.from == nil {
			r.from = map[any]*blob.Ranges{}
		}
		known = &blob.Ranges{N: n}
		r.from[from.registry] = known
	}
	return known
}
