package waterfall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/svg"
	"github.com/hczjl/transship/distribution/audit/trace"
)

const (
	stripHeight = 34.0
	stripTitle  = 16.0
)

// strip shows the calls of one host and row over the time. Its slices have an element for each
// pixel.
type strip struct {
	row           trace.Row
	active        [len(trace.PhaseTimes{})][]float64 // average number of calls in a phase
	failed        []bool                             // whether a call that failed began there
	maxConcurrent int                                // most calls under way at one moment
}

// strips draws a strip for each host and row.
func (w *waterfall) strips(hosts [][]int) {
	var all [][]strip
	height := 0.0
	for i, calls := range hosts {
		strips := w.stripsOf(w.report.Hosts[i], calls)
		all = append(all, strips)
		height += hostHeight + float64(len(strips))*(stripTitle+stripHeight+4)
	}
	w.axis(w.y + 16 + height)
	for i, strips := range all {
		w.host(w.report.Hosts[i].Host)
		for _, s := range strips {
			w.strip(s)
		}
	}
}

// stripsOf returns the strips of a host with these calls.
func (w *waterfall) stripsOf(host trace.Host, calls []int) []strip {
	byRow := map[string][]int{}
	for _, c := range calls {
		row := w.trace.Call(c).Row
		byRow[row] = append(byRow[row], c)
	}
	var out []strip
	for name, calls := range byRow {
		row := trace.Row{Row: name, Title: audit.RowTitle(name)} // not in the report if no call was sent
		if i := slices.IndexFunc(host.Rows, func(r trace.Row) bool { return r.Row == name }); i >= 0 {
			row = host.Rows[i]
		}
		out = append(out, w.stripOf(row, calls))
	}
	slices.SortFunc(out, func(a, b strip) int { return trace.CompareRows(a.row.Row, b.row.Row) })
	return out
}

func (w *waterfall) stripOf(row trace.Row, calls []int) strip {
	s := strip{row: row, failed: make([]bool, int(plotWidth)+1)}
	for i := range s.active {
		s.active[i] = make([]float64, int(plotWidth)+1)
	}
	var starts, ends []time.Duration
	for _, i := range calls {
		c := w.trace.Call(i)
		s.add(w, c)
		if !c.NotSent {
			starts, ends = append(starts, c.Start), append(ends, c.Start+c.Duration())
		}
	}
	s.maxConcurrent = maxConcurrent(starts, ends)
	return s
}

// add adds a call to the pixels that it covers.
func (s *strip) add(w *waterfall, c trace.Call) {
	if c.Failed {
		s.failed[int(w.x(c.Start)-plotLeft)] = true
	}
	at := c.Start
	for i, d := range c.Phases {
		s.spread(i, w.x(at)-plotLeft, w.x(at+d)-plotLeft)
		at += d
	}
}

// spread adds a phase from one horizontal position to another.
func (s *strip) spread(phase int, from, to float64) {
	for from < to {
		pixel := int(from)
		next := min(to, float64(pixel+1))
		s.active[phase][pixel] += next - from
		from = next
	}
}

// strip draws a strip.
func (w *waterfall) strip(s strip) {
	top, scale := w.stripText(s), stripHeight/max(s.peak(), 1)
	base := make([]float64, len(s.failed))
	for i, name := range trace.Phases() {
		w.area(base, s.active[i], top+stripHeight, scale, string(name))
		for x := range base {
			base[x] += s.active[i][x]
		}
	}
	for x, failed := range s.failed {
		if failed {
			w.Rect(plotLeft+float64(x), top-3, 2, 4, "bad")
		}
	}
	w.y += stripTitle + stripHeight + 4
}

// stripText writes the text to the left of a strip, and returns the strip's upper edge.
func (w *waterfall) stripText(s strip) float64 {
	g := s.row.Group
	w.Text(methodX, w.y+22, "", strings.TrimSpace(s.row.Row+" "+s.row.Title))
	calls, total := "calls", s.row.Timings[trace.Total]
	if g.Calls == 1 {
		calls = "call"
	}
	line := fmt.Sprintf("%d %s, median %s, p99 %s", g.Calls, calls, total.Median, total.P99)
	w.Text(methodX, w.y+36, "soft", line)
	errors := g.Failed
	for _, n := range g.Errors {
		errors += n
	}
	line = fmt.Sprintf("%s sent, %s received", w.size(g.Sent), w.size(g.Received))
	w.Text(methodX, w.y+50, "soft", line)
	if errors > 0 {
		w.Text(sizeRight, w.y+22, "bad end", fmt.Sprintf("%d failed", errors))
	}
	w.Text(sizeRight, w.y+36, "soft end", fmt.Sprintf("up to %d at a time", s.maxConcurrent))
	return w.y + stripTitle
}

// maxConcurrent returns the most calls that were under way at one moment. starts must be sorted; it
// sorts ends.
func maxConcurrent(starts, ends []time.Duration) int {
	slices.Sort(ends)
	ended, out := 0, 0
	for i, start := range starts {
		for ends[ended] < start {
			ended++
		}
		out = max(out, i+1-ended)
	}
	return out
}

// peak returns the largest number of calls of a pixel.
func (s strip) peak() float64 {
	peak := 0.0
	for x := range s.failed {
		sum := 0.0
		for i := range s.active {
			sum += s.active[i][x]
		}
		peak = max(peak, sum)
	}
	return peak
}

// area fills the area from base up to base and height, in numbers of calls; scale is the height of
// one.
func (w *waterfall) area(base, height []float64, bottom, scale float64, class string) {
	if slices.Max(height) == 0 {
		return
	}
	var d strings.Builder
	for x := range height {
		if height[x] == 0 {
			continue
		}
		low, high := bottom-base[x]*scale, bottom-(base[x]+height[x])*scale
		left, bottom, top := svg.Number(plotLeft+float64(x)), svg.Number(low), svg.Number(high)
		fmt.Fprintf(&d, "M%s %sV%sh1V%sz", left, bottom, top, bottom)
	}
	w.Path(d.String(), class)
}
