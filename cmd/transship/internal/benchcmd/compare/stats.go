package compare

import (
	"math"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

// Interval is a confidence interval of a median.
type Interval struct {
	Median, Low, High float64
	// Coverage is how likely the interval has the true median, at least 0.95; 0 if there are too few
	// values for that.
	Coverage float64
}

// intervalOf returns the median of values and its confidence interval by order statistics: the narrowest
// pair of the k-th value from below and the k-th one from above that covers the true median with 95 %.
// The number of values below the median has a binomial distribution, whatever that of the values is, so
// nothing is assumed but that they are independent. It takes six values.
func intervalOf(values []float64) Interval {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return Interval{}
	}
	out := Interval{Median: bench.Quantile(values, 0.5), Low: sorted[0], High: sorted[n-1]}
	outside := 0.0 // the chance that the median is below the k-th value from below
	for k := 1; 2*k <= n; k++ {
		outside += bench.Binomial(n, k-1)
		coverage := 1 - 2*outside
		if coverage < 1-bench.Significance {
			break
		}
		out.Low, out.High, out.Coverage = sorted[k-1], sorted[n-k], coverage
	}
	return out
}

// exactProduct is up to which product of the numbers of values the test is exact.
const exactProduct = 400

// rankTest returns the two-sided p-value of the Mann-Whitney U test: how likely values as far apart as
// these are if both are from one distribution. It is exact for few values without ties, and else by the
// normal approximation with correction for ties and continuity.
func rankTest(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	u, ties := rankSum(a, b)
	n, m := float64(len(a)), float64(len(b))
	if ties == 0 && n*m <= exactProduct {
		return exactTest(int(u), len(a), len(b))
	}
	total := n + m
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return 1
	}
	z := max(math.Abs(u-n*m/2)-0.5, 0) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

// rankSum returns U of the values of a, and the sum of t³-t over all groups of t equal values.
func rankSum(a, b []float64) (u, ties float64) {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	rank := map[float64]float64{}
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		rank[all[i]] = float64(i+j+1) / 2
		i = j
	}
	for _, v := range a {
		u += rank[v]
	}
	n := float64(len(a))
	return u - n*(n+1)/2, ties
}

// exactTest counts in how many of all orders of the values U is at least as far from its middle.
func exactTest(u, n, m int) float64 {
	counts := make([]float64, n*m+1) // ways to get each U, as a product of polynomials
	counts[0] = 1
	for i := 1; i <= n; i++ {
		for k := len(counts) - 1; k >= m+i; k-- {
			counts[k] -= counts[k-m-i]
		}
		for k := i; k < len(counts); k++ {
			counts[k] += counts[k-i]
		}
	}
	low, sum, all := min(u, n*m-u), 0.0, 0.0
	for k, c := range counts {
		all += c
		if k <= low || k >= n*m-low {
			sum += c
		}
	}
	return min(sum/all, 1)
}
