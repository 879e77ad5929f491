package bench

import (
	"cmp"
	"math"
	"slices"
)

// Quantile returns the q-quantile of the values, with q from 0 to 1, by linear interpolation
// between the two nearest values (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
// Packages", 1996, the default of R and NumPy). The values need not be sorted and are not changed.
// The quantile of no values is 0.
func Quantile[T ~int64 | ~float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	position := q * float64(len(sorted)-1)
	below := int(math.Floor(position))
	if below >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	lo, hi := float64(sorted[below]), float64(sorted[below+1])
	return T(lo + (position-float64(below))*(hi-lo))
}

// Spread is the median and the range of some values.
type Spread struct {
	Min, Median, Max float64
}

// SpreadOf returns the spread of values, or zero for no values.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	return Spread{slices.Min(values), Quantile(values, 0.5), slices.Max(values)}
}

// Relative returns half the range divided by the median, or 0 if the median is 0.
func (s Spread) Relative() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / 2 / s.Median
}

// indexOfMax returns the index of the element with the greatest value, or -1 for an empty list.
func indexOfMax[T any, K cmp.Ordered](list []T, value func(T) K) int {
	best := -1
	for i, v := range list {
		if best < 0 || value(v) > value(list[best]) {
			best = i
		}
	}
	return best
}
