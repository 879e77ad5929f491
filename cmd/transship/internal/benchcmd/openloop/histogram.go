package openloop

import (
	"iter"
	"math"
	"math/bits"
	"time"
)

const (
	// unit is the resolution of a Histogram's smallest values.
	unit = time.Microsecond
	// subBits is the logarithm of how many buckets each doubling of the value has.
	subBits = 7
	subSize = 1 << subBits
)

// Precision is how far a quantile of a [Histogram] is from the value that it stands for, at most, as a
// share of that value: half of a bucket's width. Below 128 µs it is half a microsecond.
const Precision = 0.5 / subSize

// Histogram counts durations in buckets whose width grows with the value: log-linear, as HdrHistogram's.
// Its size depends on its largest value alone: 2,500 counters for 10 seconds. The zero value is empty.
type Histogram struct {
	counts   []uint32
	total    int
	sum, max time.Duration
}

// Add counts a duration. A negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	i := bucketOf(uint64(d / unit))
	if i >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, i+1-len(h.counts))...)
	}
	h.counts[i]++
	h.total++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge adds all that another histogram has.
func (h *Histogram) Merge(other *Histogram) {
	if n := len(other.counts) - len(h.counts); n > 0 {
		h.counts = append(h.counts, make([]uint32, n)...)
	}
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// Count returns how many durations there are.
func (h *Histogram) Count() int { return h.total }

// Max returns the longest duration, which is exact.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean returns the mean, which is exact, or 0 for an empty histogram.
func (h *Histogram) Mean() time.Duration { return h.sum / time.Duration(max(h.total, 1)) }

// Quantile returns the smallest duration that a share q of all, from 0 to 1, does not exceed: the middle
// of its bucket, so within [Precision], and never more than Max. It is 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(int(math.Ceil(q*float64(h.total)-1e-9)), 1)
	for i, n := range h.counts {
		if rank -= int(n); rank <= 0 {
			low, high := bucketRange(i)
			return min((time.Duration(low)+time.Duration(high))*unit/2, h.max)
		}
	}
	return h.max
}

// Buckets returns the buckets that are not empty, in ascending order: the end of each, which its
// durations are below, and how many these are.
func (h *Histogram) Buckets() iter.Seq2[time.Duration, int] {
	return func(yield func(time.Duration, int) bool) {
		for i, n := range h.counts {
			_, high := bucketRange(i)
			if n > 0 && !yield(time.Duration(high)*unit, int(n)) {
				return
			}
		}
	}
}

// bucketOf returns the bucket of a number of units. Each doubling has subSize buckets; the values below
// subSize have one each.
func bucketOf(v uint64) int {
	if v < subSize {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return (shift+1)<<subBits + int(v>>shift) - subSize
}

// bucketRange returns the first value of a bucket, and the first one after it.
func bucketRange(i int) (low, high uint64) {
	if i < subSize {
		return uint64(i), uint64(i) + 1
	}
	shift := i>>subBits - 1
	low = uint64(i&(subSize-1)+subSize) << shift
	return low, low + 1<<shift
}
