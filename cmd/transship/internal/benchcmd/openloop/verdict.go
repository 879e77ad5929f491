package openloop

import "time"

const (
	// lateShare is the share of late calls from which on the generator is the bottleneck.
	lateShare = 0.01
	// lateCalls is how many calls must be late for that, so that one hiccup of a machine is none.
	lateCalls = 10
	// failedShare is the share of failed calls from which on a server does not hold a rate.
	failedShare = 0.01
	// kneeTimes is how many times the median of the first step a median is beyond the knee.
	kneeTimes = 5
)

// Slow reports whether the generator itself did not make the rate: more than 1 % of the calls of the
// schedule, and 10 at least, started late by its own fault.
func (r *Result) Slow() bool { return isSlow(r.Late, r.Lateness.Count()) }

// Slow reports the same of one step.
func (s *StepResult) Slow() bool { return isSlow(s.Late, s.Due) }

func isSlow(late, of int) bool { return late >= lateCalls && float64(late) > lateShare*float64(of) }

// Knee is the rate up to which a server holds the calls of a ramp.
type Knee struct {
	Rate Rate // of the last step that holds; 0 if none does
	// Found reports whether the next step does not hold by the server's fault. Otherwise the ramp ended, or
	// the generator was the bottleneck.
	Found bool
	Slow  bool // the generator was the bottleneck of the next step
}

// Knee finds the knee of a ramp. A step holds if at most 1 % of its calls failed, and their median is
// at most five times that of the first step: from where calls come faster than they are answered, they
// queue, and the median grows with the time.
func (r *Result) Knee() Knee {
	out := Knee{}
	for i := range r.Steps {
		s := &r.Steps[i]
		switch {
		case s.Slow():
			out.Slow = true
			return out
		case !s.holds(r.Steps[0].All().Quantile(0.5)):
			out.Found = true
			return out
		}
		out.Rate = s.Rate
	}
	return out
}

func (s *StepResult) holds(first time.Duration) bool {
	return float64(s.Failures()) <= failedShare*float64(s.Due) && s.All().Quantile(0.5) <= kneeTimes*first
}
