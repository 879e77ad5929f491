package openloop

import (
	"iter"
	"time"
)

// Rate is a number of arrivals in a second.
type Rate float64

// Schedule says when calls are due, and of which kind each is. Arrivals of one step are evenly spaced.
type Schedule struct {
	Warmup time.Duration // before the first step, at its rate; not measured
	Steps  []Step        // one after the other
	// Shares are how the arrivals are split among the kinds, by their indexes. Their sum is 1. The next
	// arrival goes to the kind that lacks most of its share, so no kind is ever one arrival ahead of it.
	Shares []float64
}

// Step is a time with one rate. Its results are kept apart from those of other steps.
type Step struct {
	Rate Rate
	For  time.Duration
}

// Arrival is a call that is due.
type Arrival struct {
	Due  time.Duration // since the start of the warm-up
	Step int           // index of the step; -1 in the warm-up
	Kind int           // index in Schedule.Shares
	Nth  int           // how many arrivals of this kind came before
}

// Steps returns n steps of equal length, from one rate to another. Equal rates make one steady rate,
// whose results are kept in n slices.
func Steps(from, to Rate, whole time.Duration, n int) []Step {
	steps := make([]Step, n)
	for i := range steps {
		rate := from
		if n > 1 {
			rate += (to - from) * Rate(i) / Rate(n-1)
		}
		steps[i] = Step{rate, whole / time.Duration(n)}
	}
	return steps
}

// Length returns how long the schedule is, with the warm-up.
func (s Schedule) Length() time.Duration {
	sum := s.Warmup
	for _, step := range s.Steps {
		sum += step.For
	}
	return sum
}

// Total returns the number of arrivals, with those of the warm-up. It may be one off.
func (s Schedule) Total() float64 {
	if len(s.Steps) == 0 {
		return 0
	}
	sum := float64(s.Steps[0].Rate) * s.Warmup.Seconds()
	for _, step := range s.Steps {
		sum += float64(step.Rate) * step.For.Seconds()
	}
	return sum
}

// Arrivals returns all arrivals in the order in which they are due.
func (s Schedule) Arrivals() iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		if len(s.Steps) == 0 {
			return
		}
		split := splitter{shares: s.Shares, had: make([]int, len(s.Shares))}
		phases := append([]Step{{s.Steps[0].Rate, s.Warmup}}, s.Steps...)
		start := time.Duration(0)
		for i, phase := range phases {
			for due := range phase.times() {
				kind := split.next()
				if !yield(Arrival{start + due, i - 1, kind, split.had[kind] - 1}) {
					return
				}
			}
			start += phase.For
		}
	}
}

// times returns when arrivals of the step are due, since its start. They are not added up, so that no
// error does.
func (s Step) times() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for n := 0; s.Rate > 0; n++ {
			at := time.Duration(float64(n) / float64(s.Rate) * float64(time.Second))
			if at >= s.For || !yield(at) {
				return
			}
		}
	}
}

// splitter splits arrivals among kinds: the next one goes to the kind that lacks most of its share.
type splitter struct {
	shares []float64
	had    []int
	total  int
}

func (s *splitter) next() int {
	s.total++
	best, most := 0, -1.0
	for kind, share := range s.shares {
		if lack := share*float64(s.total) - float64(s.had[kind]); share > 0 && lack > most+1e-9 {
			best, most = kind, lack
		}
	}
	s.had[best]++
	return best
}
