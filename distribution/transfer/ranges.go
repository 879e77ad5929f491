package transfer

import (
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// sourceRanges remembers for each source whether reading several ranges of a blob at once is
// faster.
type sourceRanges struct {
	mu         sync.Mutex
	byRegistry map[any]*blob.Ranges // see place
}

// Open returns a function that opens a blob of a source the way the engine does: in ranges and with
// a capped rate, as Ranges and Pace say.
func (e *Engine) Open(src Source, d manifest.Descriptor) blob.Open {
	return e.open(src, placeOf(src), d)
}

func (e *Engine) open(src Source, from place, d manifest.Descriptor) blob.Open {
	open, openRange := RangedBlob(src, d)
	if openRange != nil && (e.Jobs != 1 || e.Ranges != 0) {
		open = e.ranges.at(from, e.Ranges).Wrap(d.Size, open, openRange)
	}
	return e.Pace.Wrap(e.orFromURL(d, open))
}

// at returns what is known of a registry's blobs, the same for all its repositories.
func (r *sourceRanges) at(from place, n int) *blob.Ranges {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.byRegistry[from.registry]
	if !ok {
		if r.byRegistry == nil {
			r.byRegistry = map[any]*blob.Ranges{}
		}
		known = &blob.Ranges{N: n}
		r.byRegistry[from.registry] = known
	}
	return known
}
