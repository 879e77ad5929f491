package bench

import (
	"fmt"
	"html/template"
	"math"
	"time"
)

// latency plots the times to first byte of each cell on a logarithmic scale: a bar from the first
// quartile to the third one, and a line from the 1st percentile to the 99th.
type latency struct {
	Axis template.HTML
	Rows []latencyRow
}

type latencyRow struct {
	Label                   string
	Median, NinetyNinth, Of string
	SVG                     template.HTML
}

func (r *Report) latency() *latency {
	var lowest, highest time.Duration
	for _, s := range r.Samples {
		if len(s.TTFB) > 0 {
			lo, hi := Quantile(s.TTFB, 0.01), Quantile(s.TTFB, 0.99)
			if lowest == 0 || lo < lowest {
				lowest = lo
			}
			highest = max(highest, hi)
		}
	}
	if highest == 0 {
		return nil
	}
	lo, hi := math.Floor(math.Log10(max(float64(lowest), 1))), math.Ceil(math.Log10(float64(highest)+1))
	x := func(d time.Duration) float64 { return (math.Log10(max(float64(d), 1)) - lo) / (hi - lo) * 100 }
	var marks []mark
	for e := lo; e <= hi; e++ {
		ns := math.Pow(10, e)
		marks = append(marks, mark{x(time.Duration(ns)), decade(ns)})
	}
	p := &latency{Axis: timeAxis(marks)}
	for i := range r.Cells {
		if s := r.Summary(i); len(s.TTFB) > 0 {
			p.Rows = append(p.Rows, latencyOf(s, marks, x))
		}
	}
	return p
}

func latencyOf(s Summary, marks []mark, x func(time.Duration) float64) latencyRow {
	at := func(q float64) time.Duration { return Quantile(s.TTFB, q) }
	d := newRow(marks, 26)
	d.Line(x(at(0.01)), 13, x(at(0.99)), 13, "whisker")
	d.Rect(x(at(0.25)), 5, x(at(0.75))-x(at(0.25)), 16, "half")
	d.Line(x(at(0.5)), 4, x(at(0.5)), 22, "median")
	return latencyRow{
		Label: s.Cell.String(), Of: fmt.Sprint(len(s.TTFB)), SVG: template.HTML(d.String()),
		Median: formatDuration(float64(at(0.5))), NinetyNinth: formatDuration(float64(at(0.99))),
	}
}

// decade formats a power of ten, in nanoseconds.
func decade(ns float64) string {
	switch {
	case ns >= 1e9:
		return fmt.Sprintf("%.0f s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.0f ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.0f µs", ns/1e3)
	}
	return fmt.Sprintf("%.0f ns", ns)
}
