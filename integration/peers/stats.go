package main

import (
	"math"
	"slices"
)

// spread is the median of several values, and the least and most of them. Without values it is NaN.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// results are samples without errors.
type results []sample

// good are the samples of runs that have done what they should, and those of peers that were ended: their time is the
// least that they take.
func good(samples []sample) results {
	return slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.Error != "" && (!s.Late || s.isMine()) })
}

// isMine reports whether a sample is the subject's, however that was called.
func (s sample) isMine() bool { return s.Tool == subject || s.Tool == ofSystem }

// late reports whether a run among them was ended.
func (r results) late() bool { return slices.ContainsFunc(r, func(s sample) bool { return s.Late }) }

// of are those of a tool in a work.
func (r results) of(work, tool string) results {
	return slices.DeleteFunc(slices.Clone(r), func(s sample) bool { return s.Work != work || s.Tool != tool })
}

// measured is a value of each sample.
func (r results) measured(by func(sample) float64) []float64 {
	var values []float64
	for _, s := range r {
		values = append(values, by(s))
	}
	return values
}

// toolsIn lists who has results in a work, in the order in which they came.
func (r results) toolsIn(work string) []string {
	var names []string
	for _, s := range r {
		if s.Work == work && !slices.Contains(names, s.Tool) {
			names = append(names, s.Tool)
		}
	}
	return names
}

// best is the peer with the least median in a work, empty where there is none.
func (r results) best(work string, by func(sample) float64) string {
	best, least := "", math.Inf(1)
	for _, name := range r.toolsIn(work) {
		if m := spreadOf(r.of(work, name).measured(by)).median; name != subject && name != ofSystem && m < least {
			best, least = name, m
		}
	}
	return best
}

// ratios divide a tool's values by a peer's of the same round, so that what disturbs a round disturbs both.
func (r results) ratios(work, tool, peer string, by func(sample) float64) []float64 {
	var values []float64
	for _, mine := range r.of(work, tool) {
		for _, theirs := range r.of(work, peer) {
			if mine.Round == theirs.Round {
				values = append(values, by(mine)/by(theirs))
			}
		}
	}
	return values
}

// The measures of a sample.
func wall(s sample) float64  { return s.Wall }
func cpu(s sample) float64   { return s.CPU }
func peak(s sample) float64  { return float64(s.Peak) }
func calls(s sample) float64 { return float64(s.Source + s.Target) }

// twice is how often a byte went to the disk; it is not known where nothing did.
func twice(s sample) float64 {
	if s.Written == 0 {
		return math.NaN()
	}
	return float64(s.Written) / float64(s.Size)
}
