package transfer

import (
	"cmp"
	"context"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

const (
	// SmallBlob is [blob.LargeSize]: blobs of fewer bytes have slots of their own.
	SmallBlob = blob.LargeSize
	// DefaultJobs is how many large blobs are in flight at once unless told otherwise.
	DefaultJobs = 6
	// asked is for how many more the target is asked meanwhile, and opens upload sessions, so that bytes follow bytes. An
	// open session must not wait long: registries give it up after a while.
	asked = 6
	// SmallJobs is how many small ones are.
	SmallJobs = 96
	// manifestJobs is how many manifests are fetched or put at once.
	manifestJobs = 48
	// fewManifests is that where it was said how many blobs may be in flight at once, unless those are more.
	fewManifests = 16
)

// slots bound what is under way at once. Manifests and small blobs never wait for large ones, unless it was said how many
// blobs there may be at once.
type slots struct {
	manifests, small, large *queue
	bytes                   *queue // of large blobs; nil where large is the bound
}

func newSlots(jobs int) slots {
	if jobs <= 0 {
		return slots{newQueue(manifestJobs), newQueue(SmallJobs), newQueue(DefaultJobs + asked), newQueue(DefaultJobs)}
	}
	blobs := newQueue(jobs)
	return slots{newQueue(max(jobs, fewManifests)), blobs, blobs, nil}
}

// of returns the slots for a blob, and those for its bytes.
func (s slots) of(d manifest.Descriptor) (calls, bytes *queue) {
	if isSmall(d) {
		return s.small, nil
	}
	return s.large, s.bytes
}

func isSmall(d manifest.Descriptor) bool { return d.Size < blob.LargeSize }

// blobsSideBySide calls f for each blob.
func (e *Engine) blobsSideBySide(ctx context.Context, blobs []manifest.Descriptor, f func(context.Context, manifest.Descriptor) error) error {
	if e.Jobs != 1 {
		blobs = bySize(blobs)
	}
	return e.sideBySide(ctx, blobs, f)
}

// bySize puts as many large blobs first as may be under way, those that take longest; then all small ones, so that
// however many large ones there are they wait for none; and the other large ones behind them.
func bySize(blobs []manifest.Descriptor) []manifest.Descriptor {
	var large, small []manifest.Descriptor
	for _, d := range blobs {
		if isSmall(d) {
			small = append(small, d)
		} else {
			large = append(large, d)
		}
	}
	slices.SortStableFunc(large, func(a, b manifest.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
	first := min(len(large), DefaultJobs+asked)
	return slices.Concat(large[:first], small, large[first:])
}
