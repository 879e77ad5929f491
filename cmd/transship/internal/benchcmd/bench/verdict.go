package bench

import (
	"fmt"
	"math"
)

// Verdict says which combination is the fastest, or that the rounds cannot tell and how many more
// would. It is "" if fewer than two combinations were measured.
//
// Each round measures every combination once, so rounds are pairs: the statistic is the exact
// two-sided sign test of the rounds in which the best one was faster, at 5 %. The best is named only
// if it beats each of the others by that.
func (r *Report) Verdict() string {
	best := r.Best()
	if best < 0 || len(r.Cells) < 2 || len(r.Samples) == 0 {
		return ""
	}
	rival, wins, rounds, p := -1, 0, 0, -1.0
	for cell := range r.Cells {
		if cell == best {
			continue
		}
		w, n := r.wins(best, cell)
		if q := signTest(w, n); q > p {
			rival, wins, rounds, p = cell, w, n, q
		}
	}
	first, second := r.Cells[best], r.Cells[rival]
	of := fmt.Sprintf("in %d of %s (sign test, p = %.2g)", wins, plural(rounds, "round"), p)
	if p < Significance {
		return fmt.Sprintf("the fastest is %s: faster than %s %s", first, second, of)
	}
	text := fmt.Sprintf("the rounds cannot tell %s from %s: the first was faster %s", first, second, of)
	if more := moreRounds(wins, rounds); more > 0 {
		return fmt.Sprintf("%s; %s would tell, if the share stays: --count %d", text, plural(more, "more round"), rounds+more)
	}
	return text + "; at that share more rounds would not tell either"
}

// Significance is the chance at which two equal things are said to differ.
const Significance = 0.05

// maxRounds is above which number more rounds are no advice.
const maxRounds = 1000

// wins returns in how many rounds one combination was faster than another, and of how many. A round
// that took both the same time does not count.
func (r *Report) wins(cell, other int) (wins, rounds int) {
	times := map[int]float64{}
	for _, s := range r.SamplesOf(other) {
		times[s.Round] = s.NsPerOp()
	}
	for _, s := range r.SamplesOf(cell) {
		theirs, ok := times[s.Round]
		if !ok || theirs == s.NsPerOp() {
			continue
		}
		rounds++
		if s.NsPerOp() < theirs {
			wins++
		}
	}
	return wins, rounds
}

// signTest returns the two-sided p-value of wins in n rounds: how likely a share at least as uneven
// is if both are equally fast.
func signTest(wins, n int) float64 {
	p := 0.0
	for k := max(wins, n-wins); k <= n; k++ {
		p += Binomial(n, k)
	}
	return min(1, 2*p)
}

// Binomial returns the probability of k heads in n tosses of a fair coin, with k from 0 to n.
func Binomial(n, k int) float64 {
	return math.Exp(logFactorial(n) - logFactorial(k) - logFactorial(n-k) - float64(n)*math.Ln2)
}

// logFactorial returns the logarithm of n!.
func logFactorial(n int) float64 {
	v, _ := math.Lgamma(float64(n + 1))
	return v
}

// moreRounds returns how many more rounds would be significant if the share of wins stayed, 0 if
// maxRounds are not enough.
func moreRounds(wins, rounds int) int {
	if 2*wins <= rounds && rounds > 0 {
		return 0
	}
	for n := rounds + 1; n <= maxRounds; n++ {
		k := n // without a round that counts, all would have to be won
		if rounds > 0 {
			k = n * wins / rounds
		}
		if signTest(k, n) < Significance {
			return n - rounds
		}
	}
	return 0
}
