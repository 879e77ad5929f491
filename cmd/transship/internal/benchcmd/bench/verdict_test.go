package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

// twoCells returns a report of two combinations, of which the first was faster in wins of n rounds.
func twoCells(wins, n int) *Report {
	r := &Report{Cells: []Cell{{Jobs: 8}, {Jobs: 4}}}
	for round := range n {
		first, second := time.Second, 2*time.Second
		if round >= wins {
			first, second = 3*time.Second, 2*time.Second
		}
		for cell, elapsed := range []time.Duration{first, second} {
			r.Samples = append(r.Samples, Sample{Turn: Turn{Cell: cell, Round: round}, Moved: Moved{Ops: 1}, Elapsed: elapsed})
		}
	}
	return r
}

// The fastest is named only where the rounds tell; else it says how many more would.
func TestVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		wins, rounds int
		want         string
	}{
		"all of six":        {6, 6, "the fastest is jobs=8: faster than jobs=4 in 6 of 6 rounds (sign test, p = 0.031)"},
		"all of three":      {3, 3, "3 of 3 rounds (sign test, p = 0.25); 3 more rounds would tell, if the share stays: --count 6"},
		"one round":         {1, 1, "5 more rounds would tell"},
		"most of six":       {5, 6, "the rounds cannot tell jobs=8 from jobs=4: the first was faster in 5 of 6 rounds"},
		"half of six":       {3, 6, "at that share more rounds would not tell either"},
		"most of many more": {60, 100, "more rounds would tell, if the share stays: --count "},
	} {
		if got := twoCells(test.wins, test.rounds).Verdict(); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	one := twoCells(3, 3)
	one.Cells = one.Cells[:1]
	if got := one.Verdict(); got != "" {
		t.Errorf("of one combination it says %q", got)
	}
}

// The p-values are those of R's binom.test.
func TestSignTest(t *testing.T) {
	for _, test := range []struct {
		wins, n int
		want    float64
	}{{6, 6, 0.03125}, {0, 6, 0.03125}, {5, 6, 0.21875}, {3, 6, 1}, {0, 0, 1}, {60, 100, 0.05688793}} {
		if got := signTest(test.wins, test.n); math.Abs(got-test.want) > 1e-6 {
			t.Errorf("%d of %d: %g, want %g", test.wins, test.n, got, test.want)
		}
	}
}
