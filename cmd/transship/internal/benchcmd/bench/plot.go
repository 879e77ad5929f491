package bench

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit/svg"
)

// plotHeight is that of the plot by jobs, in pixels.
const plotHeight = 260

// jobsPlot is the speed of each round by the number of jobs: a dot for each, a line from least to greatest, and the
// medians joined. Where no bytes move it is the time of one operation. It is as wide as the page.
type jobsPlot struct {
	Title  string
	Height float64
	Legend []legend

	grid, ranges, joins, dots svg.Drawing // behind and before one another, in this order

	report *Report
	of     func(Sample) float64
	write  func(float64) string
	top    float64 // the value at the upper edge
	names  []string
	jobs   []int
}

// legend is the colour of one series, from 0 to 5, and its name.
type legend struct {
	Series int
	Label  string
}

// limitLine is a value that the link or the machine does not go beyond.
type limitLine struct {
	value float64
	label string
}

func (r *Report) jobsPlot() *jobsPlot {
	p := &jobsPlot{Height: plotHeight, report: r}
	p.names, p.jobs = r.series()
	p.of, p.write, p.Title = r.measure()
	highest := 0.0
	for _, s := range r.Samples {
		highest = max(highest, p.of(s))
	}
	if highest == 0 {
		return nil
	}
	var limits []limitLine
	if p.Title == titleSpeed {
		limits = slices.DeleteFunc(r.limits(), func(l limitLine) bool { return l.value >= 3*highest }) // those would flatten the rest
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

// SVG is what is drawn, as the inside of an svg element.
func (p *jobsPlot) SVG() template.HTML {
	return template.HTML(p.grid.String() + p.ranges.String() + p.joins.String() + p.dots.String())
}

// y is how far from the top a value is, in pixels.
func (p *jobsPlot) y(value float64) float64 { return plotHeight * (1 - value/p.top) }

// x is where the middle of a number of jobs is, in percent of the width.
func (p *jobsPlot) x(i int) float64 { return (float64(i) + 0.5) / float64(len(p.jobs)) * 100 }

// axes makes room for values up to the last mark.
func (p *jobsPlot) axes(marks []float64) {
	p.top = marks[len(marks)-1]
	for _, v := range marks {
		p.grid.Line(0, p.y(v), 100, p.y(v), "grid")
		p.grid.Text(0, p.y(v)+4, "left", p.write(v))
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
		values := p.report.values(cell, p.of)
		if len(values) == 0 {
			continue
		}
		x, s := p.x(i)+shift, SpreadOf(values)
		p.ranges.Line(x, p.y(s.Min), x, p.y(s.Max), "range "+class)
		for _, v := range values {
			p.dots.Group(fmt.Sprintf("%s: %s", p.report.Cells[cell], p.write(v)), func() { p.dots.Circle(x, p.y(v), 4, "dot "+class) })
		}
		if joined && j != 0 { // auto is not the next number
			p.joins.Line(lastX, lastY, x, p.y(s.Median), "join "+class)
		}
		lastX, lastY, joined = x, p.y(s.Median), true
	}
}

// timeAxis writes labels above or below rows, at places in percent of the width. The first and the last stay inside.
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

// mark is a place on a time axis, in percent of the width.
type mark struct {
	x     float64
	label string
}

// rowOf begins the drawing of a row of so many pixels, with the axis' marks behind what comes.
func rowOf(marks []mark, height float64) *svg.Drawing {
	d := &svg.Drawing{Fluid: true}
	for _, m := range marks {
		d.Line(m.x, 0, m.x, height, "grid")
	}
	return d
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
