package transfer

import (
	"cmp"
	"context"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

const (
	// DefaultJobs is how many large blobs move bytes at once if Engine.Jobs is 0.
	DefaultJobs = 6
	// SmallJobs is how many small blobs are in flight at once if Engine.Jobs is 0.
	SmallJobs = 96
	// announceAhead is how many further large blobs are announced to the target while DefaultJobs
	// move bytes. Their upload sessions are open when their turn comes, so that bytes follow bytes.
	// It is small because registries drop a session that stays unused for long.
	announceAhead = 6
	// manifestJobs is how many manifests are read or put at once if Engine.Jobs is 0.
	manifestJobs = 48
	// minManifestJobs is the same if Engine.Jobs is set, unless Jobs is more.
	minManifestJobs = 16
)

// slots bound what is in flight at once. Manifests and small blobs do not wait for large ones,
// unless Engine.Jobs is set and all blobs share its slots.
type slots struct {
	manifests, small, large *semaphore
	bytes                   *semaphore // for large blobs whose bytes move; nil if Engine.Jobs is set
}

func newSlots(jobs int) slots {
	if jobs <= 0 {
		return slots{
			manifests: newSemaphore(manifestJobs), small: newSemaphore(SmallJobs),
			large: newSemaphore(DefaultJobs + announceAhead), bytes: newSemaphore(DefaultJobs),
		}
	}
	blobs := newSemaphore(jobs)
	return slots{manifests: newSemaphore(max(jobs, minManifestJobs)), small: blobs, large: blobs}
}

// forBlob returns the slots for the calls about a blob, and those for its bytes.
func (s slots) forBlob(d manifest.Descriptor) (calls, bytes *semaphore) {
	if d.Size < blob.LargeSize {
		return s.small, nil
	}
	return s.large, s.bytes
}

// forEachBlob is forEach with the blobs in an order that fills the slots.
func (e *Engine) forEachBlob(
	ctx context.Context, blobs []manifest.Descriptor, f func(context.Context, manifest.Descriptor) error,
) error {
	if e.Jobs != 1 {
		blobs = bySize(blobs)
	}
	return e.forEach(ctx, blobs, f)
}

// bySize sorts blobs so that the slots for large and for small ones fill at the same time: first as
// many of the largest blobs as there are slots for, then all small ones, then the other large ones,
// by size. So the blobs that take longest start early, and small ones never wait behind large ones.
func bySize(blobs []manifest.Descriptor) []manifest.Descriptor {
	var large, small []manifest.Descriptor
	for _, d := range blobs {
		if d.Size < blob.LargeSize {
			small = append(small, d)
		} else {
			large = append(large, d)
		}
	}
	slices.SortStableFunc(large, func(a, b manifest.Descriptor) int { return cmp.Compare(b.Size, a.Size) })
	first := min(len(large), DefaultJobs+announceAhead)
	return slices.Concat(large[:first], small, large[first:])
}
