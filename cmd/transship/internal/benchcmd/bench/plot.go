package bench

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit/svg"
)

// plotHeight is the height of the plot by jobs, in pixels.
const plotHeight = 260

// jobsPlot plots the throughput of each round by the number of jobs, or the time of one operation if no
// bytes move. Each round is a dot. A line goes from the slowest round to the fastest, and another one
// joins the medians. The plot is as wide as the page.
type jobsPlot struct {
	Title  string
	Height float64
	Legend []legend

	grid, ranges, joins, dots svg.Drawing // layers, from back to front

	report *Report
	value  func(Sample) float64
	format func(float64) string
	top    float64  // the value at the upper edge
	names  []string // of the series
	jobs   []int
}

// legend names a series. Series is its colour, from 0 to 5.
type legend struct {
	Series int
	Label  string
}

// limitLine is the largest value that the link or the machine can reach.
type limitLine struct {
	value float64
	label string
}

func (r *Report) jobsPlot() *jobsPlot {
	p := &jobsPlot{Height: plotHeight, report: r}
	p.names, p.jobs = r.series()
	p.value, p.format, p.Title = r.measure()
	highest := 0.0
	for _, s := range r.Samples {
		highest = max(highest, p.value(s))
	}
	if highest == 0 {
		return nil
	}
	var limits []limitLine
	if p.Title == titleSpeed {
		// A limit far above all values would flatten the plot.
		limits = slices.DeleteFunc(r.limits(), func(l limitLine) bool { return l.value >= 3*highest })
	}
	for _, l := range limits {
		highest = max(highest, l.value)
	}
	for _, d := range []*svg.Drawing{&p.grid, &p.ranges, &p.joins, &p.dots} {
		d.Fluid = true
	}
	p.axes(steps(highest, 5))
	for _, l := range limits {
		p.grid.Line(0, p.y(l.value), 100, p.y(l.value), "limit")
		p.grid.Text(100, p.y(l.value)-5, "limit end", l.label)
	}
	for n, name := range p.names {
		p.series(n, name)
	}
	return p
}

// SVG returns the content of the svg element.
func (p *jobsPlot) SVG() template.HTML {
	return template.HTML(p.grid.String() + p.ranges.String() + p.joins.String() + p.dots.String())
}

// y is the vertical position of a value, in pixels from the top.
func (p *jobsPlot) y(value float64) float64 { return plotHeight * (1 - value/p.top) }

// x is the horizontal position of the number of jobs with index i, in percent of the width.
func (p *jobsPlot) x(i int) float64 { return (float64(i) + 0.5) / float64(len(p.jobs)) * 100 }

// axes draws the axes. The vertical one ends at the last mark.
func (p *jobsPlot) axes(marks []float64) {
	p.top = marks[len(marks)-1]
	for _, v := range marks {
		p.grid.Line(0, p.y(v), 100, p.y(v), "grid")
		p.grid.Text(0, p.y(v)+4, "left", p.format(v))
	}
	for i, j := range p.jobs {
		p.grid.Text(p.x(i), plotHeight+20, "middle", jobsText(j))
	}
	p.grid.Text(50, plotHeight+40, "middle", "jobs")
}

// series draws the cells of one series, in the order of their jobs.
func (p *jobsPlot) series(n int, name string) {
	if len(p.names) > 1 {
		p.Legend = append(p.Legend, legend{n % 6, name})
	}
	class := fmt.Sprintf("s%d", n%6)
	shift := (float64(n) - float64(len(p.names)-1)/2) * min(8, 40/float64(len(p.names))) / float64(len(p.jobs))
	lastX, lastY, joined := 0.0, 0.0, false
	for i, j := range p.jobs {
		cell := slices.IndexFunc(p.report.Cells, func(c Cell) bool { return c.Jobs == j && seriesOf(c) == name })
		values := p.report.values(cell, p.value)
		if len(values) == 0 {
			continue
		}
		x, s := p.x(i)+shift, SpreadOf(values)
		p.ranges.Line(x, p.y(s.Min), x, p.y(s.Max), "range "+class)
		for _, v := range values {
			tooltip := fmt.Sprintf("%s: %s", p.report.Cells[cell], p.format(v))
			p.dots.Group(tooltip, func() { p.dots.Circle(x, p.y(v), 4, "dot "+class) })
		}
		if joined && j != 0 { // auto jobs are not the next number
			p.joins.Line(lastX, lastY, x, p.y(s.Median), "join "+class)
		}
		lastX, lastY, joined = x, p.y(s.Median), true
	}
}

// timeAxis draws the labels of a time axis. Labels at the ends stay inside of the plot.
func timeAxis(marks []mark) template.HTML {
	d := &svg.Drawing{Fluid: true}
	for _, m := range marks {
		class := "middle"
		switch {
		case m.x < 2:
			class = "start"
		case m.x > 98:
			class = "end"
		}
		d.Text(m.x, 14, class, m.label)
	}
	return template.HTML(d.String())
}

// mark is a mark of a time axis.
type mark struct {
	x     float64 // percent of the width
	label string
}

// newRow returns a drawing with the grid lines of the marks. height is in pixels.
func newRow(marks []mark, height float64) *svg.Drawing {
	d := &svg.Drawing{Fluid: true}
	for _, m := range marks {
		d.Line(m.x, 0, m.x, height, "grid")
	}
	return d
}

const titleSpeed = "Throughput by jobs"

// measure returns the value of a sample in the plot by jobs, its format, and the title of the plot.
func (r *Report) measure() (value func(Sample) float64, format func(float64) string, title string) {
	if slices.ContainsFunc(r.Samples, func(s Sample) bool { return s.Bytes > 0 }) {
		value = func(s Sample) float64 { return s.MBPerSecond() * 1e6 }
		return value, func(v float64) string { return formatBytes(v) + "/s" }, titleSpeed
	}
	return Sample.NsPerOp, formatDuration, "Time of one operation by jobs"
}

func (r *Report) values(cell int, value func(Sample) float64) (out []float64) {
	for _, s := range r.SamplesOf(cell) {
		out = append(out, value(s))
	}
	return out
}

// series returns the names of the series of the plot by jobs, and the numbers of jobs, auto jobs last.
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

// seriesOf returns the name of a cell without its jobs.
func seriesOf(c Cell) string {
	_, rest, _ := strings.Cut(c.String(), "/")
	return rest
}

// limits returns the highest rates that were measured of the link and of SHA-256.
func (r *Report) limits() (out []limitLine) {
	if r.Limit == nil {
		return nil
	}
	for _, x := range []struct {
		of, unit string
		rates    []Rate
	}{{r.Limit.Over, "connection", r.Limit.Link}, {"SHA-256", "processor", r.Limit.Hash}} {
		if i := indexOfMax(x.rates, Rate.PerSecond); i >= 0 {
			out = append(out, limitLine{value: x.rates[i].PerSecond(), label: x.of + " on " + plural(x.rates[i].N, x.unit)})
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
