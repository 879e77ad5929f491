package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// percent is a place across a plot, or a length, in percent of its width. Plots grow and shrink with the page, and their
// text does not.
type percent float64

// String implements fmt.Stringer.
func (p percent) String() string { return fmt.Sprintf("%.2f%%", float64(p)) }

// Anchor is how a label stands at the place so that it stays inside the plot.
func (p percent) Anchor() string {
	switch {
	case p < 2:
		return "start"
	case p > 98:
		return "end"
	}
	return "middle"
}

type tick struct {
	X     percent
	Y     float64 // pixels from the top
	Label string
}

// plotHeight is that of the plot by jobs, in pixels.
const plotHeight = 260

// byJobs is the speed of each round by the number of jobs: a dot for each, a line from least to greatest, and the medians
// joined. Where no bytes move it is the time of one operation.
type byJobs struct {
	Title  string
	Height float64
	Y      []tick
	X      []tick
	Dots   []dot
	Ranges []segment
	Joins  []segment
	Limits []limitLine
	Legend []legend
}

type dot struct {
	X      percent
	Y      float64
	Series int
	Label  string
}

type segment struct {
	X1, X2 percent
	Y1, Y2 float64
	Series int
}

type limitLine struct {
	v     float64
	Y     float64
	Label string
}

type legend struct {
	Series int
	Label  string
}

func (r *Report) byJobs() *byJobs {
	series, jobs := r.series()
	of, write, title := r.measure()
	highest := 0.0
	for _, s := range r.Samples {
		highest = max(highest, of(s))
	}
	if highest == 0 {
		return nil
	}
	p := &byJobs{Title: title, Height: plotHeight}
	if title == titleSpeed {
		for _, l := range r.limits() { // those that would flatten the rest are left to the text
			if l.v < 3*highest {
				p.Limits = append(p.Limits, l)
			}
		}
	}
	y := p.scale(highest, write)
	for i, j := range jobs {
		p.X = append(p.X, tick{X: percent((float64(i) + 0.5) / float64(len(jobs)) * 100), Label: jobsText(j)})
	}
	for n, name := range series {
		p.addSeries(r, n, name, series, jobs, y)
	}
	return p
}

// scale makes room for values up to the highest and for the limits, and returns how far from the top a value is.
func (p *byJobs) scale(highest float64, write func(float64) string) func(float64) float64 {
	for _, l := range p.Limits {
		highest = max(highest, l.v)
	}
	marks := steps(highest, 5)
	top := marks[len(marks)-1]
	y := func(v float64) float64 { return math.Round(10*plotHeight*(1-v/top)) / 10 }
	for _, v := range marks {
		p.Y = append(p.Y, tick{Y: y(v), Label: write(v)})
	}
	for i := range p.Limits {
		p.Limits[i].Y = y(p.Limits[i].v)
	}
	return y
}

// addSeries draws the cells of one series, in the order of their jobs.
func (p *byJobs) addSeries(r *Report, n int, name string, series []string, jobs []int, y func(float64) float64) {
	of, write, _ := r.measure()
	if len(series) > 1 {
		p.Legend = append(p.Legend, legend{n % 6, name})
	}
	var last *segment
	for i, j := range jobs {
		cell := slices.IndexFunc(r.Cells, func(c Cell) bool { return c.Jobs == j && seriesOf(c) == name })
		values := r.values(cell, of)
		if len(values) == 0 {
			continue
		}
		shift := (float64(n) - float64(len(series)-1)/2) * min(8, 40/float64(len(series)))
		x := percent((float64(i)*100 + 50 + shift) / float64(len(jobs)))
		s := SpreadOf(values)
		p.Ranges = append(p.Ranges, segment{x, x, y(s.Min), y(s.Max), n % 6})
		for _, v := range values {
			p.Dots = append(p.Dots, dot{x, y(v), n % 6, fmt.Sprintf("%s: %s", r.Cells[cell], write(v))})
		}
		here := segment{X1: x, Y1: y(s.Median)}
		if last != nil && j != 0 { // auto is not the next number
			p.Joins = append(p.Joins, segment{last.X1, x, last.Y1, here.Y1, n % 6})
		}
		last = &here
	}
}

const titleSpeed = "Throughput by jobs"

// measure returns what the plot by jobs shows of a sample, how to write it, and its title.
func (r *Report) measure() (of func(Sample) float64, write func(float64) string, title string) {
	if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Bytes > 0 }) {
		return func(s Sample) float64 { return s.MBPerSecond() * 1e6 }, func(v float64) string { return formatBytes(v) + "/s" }, titleSpeed
	}
	return Sample.NsPerOp, formatDuration, "Time of one operation by jobs"
}

func (r *Report) values(cell int, of func(Sample) float64) (out []float64) {
	for _, s := range r.Of(cell) {
		out = append(out, of(s))
	}
	return out
}

// series returns the names of the lines of the plot by jobs, and the numbers of jobs, auto last.
func (r *Report) series() (names []string, jobs []int) {
	for _, c := range r.Cells {
		if name := seriesOf(c); !slices.Contains(names, name) {
			names = append(names, name)
		}
		jobs = append(jobs, c.Jobs)
	}
	slices.Sort(jobs)
	jobs = slices.Compact(jobs)
	if len(jobs) > 0 && jobs[0] == 0 {
		jobs = append(jobs[1:], 0)
	}
	return names, jobs
}

// seriesOf is a cell without its jobs.
func seriesOf(c Cell) string {
	_, rest, _ := strings.Cut(c.String(), "/")
	return rest
}

// limits returns what was measured of link and machine, the most of each.
func (r *Report) limits() (out []limitLine) {
	if r.Limit == nil {
		return nil
	}
	for _, x := range []struct {
		of, unit string
		rates    []Rate
	}{{r.Limit.Over, "connection", r.Limit.Link}, {"SHA-256", "processor", r.Limit.Hash}} {
		if i := indexOfMax(x.rates, Rate.PerSecond); i >= 0 {
			out = append(out, limitLine{v: x.rates[i].PerSecond(), Label: x.of + " on " + plural(x.rates[i].N, x.unit)})
		}
	}
	return out
}

// steps returns round numbers from 0 to at least v, about n of them.
func steps(v float64, n int) (out []float64) {
	step := math.Pow(10, math.Floor(math.Log10(v/float64(n))))
	for _, times := range []float64{1, 2, 5, 10} {
		if v/(step*times) <= float64(n) {
			step *= times
			break
		}
	}
	for i := 0.0; ; i++ {
		out = append(out, i*step)
		if i*step >= v {
			return out
		}
	}
}
