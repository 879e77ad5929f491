package compare

import (
	"fmt"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

// Report compares runs: those with one label are one thing that was measured several times.
type Report struct {
	Runs   []*Run
	Labels []string // in the order in which they came
	Groups []Group
}

// Group is what can be compared: the same work, and the same quantity of it.
type Group struct {
	Work, Name string
	Entries    []Entry
	unit       unit
	single     bool
}

// Entry is the samples of one label.
type Entry struct {
	Label    string
	Samples  []float64
	Interval Interval
	// P is the p-value of the difference to the first entry, by rankTest. It is 1 for the first one.
	P float64
	// Ratio is the median as a multiple of that of the first entry, 0 for the first one and if that is 0.
	Ratio float64
}

// New compares runs. The first label that has a quantity is what the others are compared with.
func New(runs []*Run) *Report {
	r := &Report{Runs: runs}
	for _, run := range runs {
		if !slices.Contains(r.Labels, run.Label) {
			r.Labels = append(r.Labels, run.Label)
		}
		for _, row := range run.rows {
			r.add(run.Label, row)
		}
	}
	for i := range r.Groups {
		r.Groups[i].judge()
	}
	return r
}

func (r *Report) add(label string, row row) {
	at := slices.IndexFunc(r.Groups, func(g Group) bool { return g.Work == row.work && g.Name == row.name })
	if at < 0 {
		at = len(r.Groups)
		r.Groups = append(r.Groups, Group{Work: row.work, Name: row.name, unit: row.unit, single: row.single})
	}
	g := &r.Groups[at]
	of := slices.IndexFunc(g.Entries, func(e Entry) bool { return e.Label == label })
	if of < 0 {
		of = len(g.Entries)
		g.Entries = append(g.Entries, Entry{Label: label})
	}
	g.Entries[of].Samples = append(g.Entries[of].Samples, row.samples...)
}

// judge compares the entries with the first one.
func (g *Group) judge() {
	for i := range g.Entries {
		e := &g.Entries[i]
		e.Interval, e.P = intervalOf(e.Samples), 1
		if i == 0 {
			continue
		}
		first := g.Entries[0]
		e.P = rankTest(first.Samples, e.Samples)
		if first.Interval.Median != 0 {
			e.Ratio = e.Interval.Median / first.Interval.Median
		}
	}
}

// Differs reports whether the samples tell an entry from the first one.
func (e Entry) Differs() bool { return e.P < bench.Significance }

// Range returns the confidence interval in words, or why there is none.
func (g Group) Range(e Entry) string {
	n := len(e.Samples)
	switch {
	case g.single:
		return ""
	case e.Interval.Coverage == 0:
		return fmt.Sprintf("no interval: %d of 6 samples", n)
	}
	return fmt.Sprintf("%s to %s", g.unit.format(e.Interval.Low), g.unit.format(e.Interval.High))
}

// Verdict returns what the samples say of an entry in comparison with the first one.
func (g Group) Verdict(i int) string {
	e := g.Entries[i]
	switch {
	case i == 0 || g.single:
		return ""
	case !e.Differs() || e.Ratio == 1 || e.Ratio == 0:
		return "no difference can be told"
	case (e.Ratio > 1) == g.unit.moreIsBetter():
		return fmt.Sprintf("faster: %.3g times", e.Ratio)
	}
	return fmt.Sprintf("slower: %.3g times", e.Ratio)
}

// Comparisons returns how many differences to a first entry were tested.
func (r *Report) Comparisons() (n int) {
	for _, g := range r.Groups {
		if !g.single {
			n += len(g.Entries) - 1
		}
	}
	return n
}

// Corpora returns the different corpora of runs whose work is the same, if there are several: their
// content differs, though not its sizes.
func (r *Report) Corpora() (out []string) {
	for _, run := range r.Runs {
		if !slices.Contains(out, run.Corpus) {
			out = append(out, run.Corpus)
		}
	}
	return out
}
