package bench

import (
	"cmp"
	"math"
	"slices"
)

// Quantile returns the value below which the part q, from 0 to 1, of the values lies, by linear interpolation between
// the two nearest (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996, as R and NumPy do). The
// values need not be sorted, and are not changed; the quantile of none is 0.
func Quantile[T ~int64 | ~float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(math.Floor(at))
	if below >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	lo, hi := float64(sorted[below]), float64(sorted[below+1])
	return T(lo + (at-float64(below))*(hi-lo))
}

// Spread is what a few samples say: the middle, and how far apart they are.
type Spread struct {
	Min, Median, Max float64
}

// SpreadOf returns the spread of values; that of none is zero.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	return Spread{slices.Min(values), Quantile(values, 0.5), slices.Max(values)}
}

// Relative returns half the distance between the least and the greatest as a part of the median, 0 where that is 0.
func (s Spread) Relative() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / 2 / s.Median
}

// bestBy returns the index of the value that is greatest by key, -1 of an empty list.
func bestBy[T any, K cmp.Ordered](list []T, key func(T) K) int {
	best := -1
	for i, v := range list {
		if best < 0 || key(v) > key(list[best]) {
			best = i
		}
	}
	return best
}
