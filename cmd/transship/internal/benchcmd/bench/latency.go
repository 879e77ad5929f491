package bench

import (
	"fmt"
	"math"
	"time"
)

// latency is how the times to first byte are spread: for each cell the middle half, and the line from the 1st to the
// 99th of a hundred, on a logarithmic scale.
type latency struct {
	X    []tick
	Rows []latencyRow
}

type latencyRow struct {
	Label                   string
	P1, P25, P50, P75, P99  percent
	Width                   percent // of the middle half
	Text                    string
	Median, NinetyNinth, Of string
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
	x := func(d time.Duration) percent {
		return percent((math.Log10(max(float64(d), 1)) - lo) / (hi - lo) * 100)
	}
	p := &latency{}
	for e := lo; e <= hi; e++ {
		ns := math.Pow(10, e)
		p.X = append(p.X, tick{X: x(time.Duration(ns)), Label: decade(ns)})
	}
	for i := range r.Cells {
		if s := r.Summary(i); len(s.TTFB) > 0 {
			p.Rows = append(p.Rows, latencyOf(s, x))
		}
	}
	return p
}

func latencyOf(s Summary, x func(time.Duration) percent) latencyRow {
	at := func(q float64) time.Duration { return Quantile(s.TTFB, q) }
	out := latencyRow{
		Label: s.Cell.String(), P1: x(at(0.01)), P25: x(at(0.25)), P50: x(at(0.5)), P75: x(at(0.75)), P99: x(at(0.99)),
		Median: formatDuration(float64(at(0.5))), NinetyNinth: formatDuration(float64(at(0.99))), Of: fmt.Sprint(len(s.TTFB)),
	}
	out.Width = out.P75 - out.P25
	return out
}

// decade writes a power of ten of nanoseconds.
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
