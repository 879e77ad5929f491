package openloop

import "time"

// Result is what a [Generator] has measured. The warm-up counts only where that is said.
type Result struct {
	Kinds       []Counts      // by the kinds' indexes
	Steps       []StepResult  // by the steps' indexes
	Late        int           // calls that started [LateAfter] late or more by the generator's own fault
	Lateness    Histogram     // how late all calls started by its own fault
	Waited      int           // calls that waited for a place, with those of the warm-up
	Outstanding int           // most calls under way at once, with those of the warm-up
	Elapsed     time.Duration // with the warm-up, until the last call ended

	warmup time.Duration
}

// Counts are the calls of one kind.
type Counts struct {
	Due     int            // calls that were due
	Failed  map[string]int // calls that failed, by class
	Latency Histogram      // of all calls, from when they were due to their end
	Err     error          // of the first one that failed
}

// Failures returns how many calls failed.
func (c Counts) Failures() (sum int) {
	for _, n := range c.Failed {
		sum += n
	}
	return sum
}

// StepResult is what a [Generator] has measured of the calls that were due in one step.
type StepResult struct {
	Step
	Start time.Duration // since the end of the warm-up
	Due   int           // calls that were due
	Ended int           // calls that ended well while the step lasted, whenever they were due
	Late  int           // as in Result
	Kinds []Counts      // by the kinds' indexes
}

func newResult(s Schedule) *Result {
	r := &Result{Kinds: make([]Counts, len(s.Shares)), Steps: make([]StepResult, len(s.Steps)), warmup: s.Warmup}
	start := time.Duration(0)
	for i, step := range s.Steps {
		r.Steps[i] = StepResult{Step: step, Start: start, Kinds: make([]Counts, len(s.Shares))}
		start += step.For
	}
	return r
}

// add counts a call that has ended at a time since the start of the warm-up.
func (r *Result) add(a Arrival, at time.Duration, class string, err error) {
	if class == "" {
		r.addEnd(at - r.warmup)
	}
	if a.Step < 0 {
		return
	}
	step := &r.Steps[a.Step]
	step.Due++
	for _, c := range []*Counts{&r.Kinds[a.Kind], &step.Kinds[a.Kind]} {
		c.Due++
		c.Latency.Add(at - a.Due)
		if class == "" {
			continue
		}
		if c.Failed == nil {
			c.Failed = map[string]int{}
		}
		c.Failed[class]++
		if c.Err == nil {
			c.Err = err
		}
	}
}

// addEnd counts a call that has ended well, in the step in which it did.
func (r *Result) addEnd(at time.Duration) {
	for i := range r.Steps {
		if s := &r.Steps[i]; at >= s.Start && at < s.Start+s.For {
			s.Ended++
		}
	}
}

// All returns the latencies of all calls of a step.
func (s *StepResult) All() *Histogram {
	all := &Histogram{}
	for i := range s.Kinds {
		all.Merge(&s.Kinds[i].Latency)
	}
	return all
}

// Failures returns how many calls of a step failed.
func (s *StepResult) Failures() (sum int) {
	for _, c := range s.Kinds {
		sum += c.Failures()
	}
	return sum
}
