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

// strip is the calls of one host and row over the time.
type strip struct {
	row   trace.Row
	under [len(trace.PhaseTimes{})][]float64 // how many calls were in a phase, on the average of each pixel
	bad   []bool                             // whether one began there that failed
	most  int                                // calls under way at one moment
}

// strips draws, for each host and row, how many calls were under way.
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

// stripsOf makes the strips of a host from its calls.
func (w *waterfall) stripsOf(host trace.Host, calls []int) []strip {
	byRow := map[string][]int{}
	for _, c := range calls {
		row := w.trace.Call(c).Row
		byRow[row] = append(byRow[row], c)
	}
	var out []strip
	for name, calls := range byRow {
		row := trace.Row{Row: name, Title: audit.RowTitle(name)} // as it stays where no call was sent
		if i := slices.IndexFunc(host.Rows, func(r trace.Row) bool { return r.Row == name }); i >= 0 {
			row = host.Rows[i]
		}
		out = append(out, w.stripOf(row, calls))
	}
	slices.SortFunc(out, func(a, b strip) int { return trace.CompareRows(a.row.Row, b.row.Row) })
	return out
}

func (w *waterfall) stripOf(row trace.Row, calls []int) strip {
	s := strip{row: row, bad: make([]bool, int(plotWidth)+1)}
	for i := range s.under {
		s.under[i] = make([]float64, int(plotWidth)+1)
	}
	var starts, ends []time.Duration
	for _, i := range calls {
		c := w.trace.Call(i)
		s.add(w, c)
		if !c.NotSent {
			starts, ends = append(starts, c.Start), append(ends, c.Start+c.Duration())
		}
	}
	s.most = atOnce(starts, ends)
	return s
}

// add spreads a call over the pixels.
func (s *strip) add(w *waterfall, c trace.Call) {
	if c.Failed {
		s.bad[int(w.at(c.Start)-plotAt)] = true
	}
	at := c.Start
	for i, d := range c.Phases {
		s.spread(i, w.at(at)-plotAt, w.at(at+d)-plotAt)
		at += d
	}
}

// spread adds the time from one place to another to the pixels that it passes.
func (s *strip) spread(phase int, from, to float64) {
	for from < to {
		pixel := int(from)
		next := min(to, float64(pixel+1))
		s.under[phase][pixel] += next - from
		from = next
	}
}

// strip draws one.
func (w *waterfall) strip(s strip) {
	top, highest := w.stripText(s), s.highest()
	base := make([]float64, len(s.bad))
	for i, name := range trace.Phases() {
		w.area(base, s.under[i], top+stripHeight, stripHeight/max(highest, 1), string(name))
		for x := range base {
			base[x] += s.under[i][x]
		}
	}
	for x, bad := range s.bad {
		if bad {
			w.Rect(plotAt+float64(x), top-3, 2, 4, "bad")
		}
	}
	w.y += stripTitle + stripHeight + 4
}

// stripText writes what a strip is of, and returns where it begins.
func (w *waterfall) stripText(s strip) float64 {
	g := s.row.Group
	w.Text(methodAt, w.y+22, "", strings.TrimSpace(s.row.Row+" "+s.row.Title))
	line := fmt.Sprintf("%d call%s, median %s, p99 %s", g.Calls, plural(g.Calls), s.row.Timings[trace.Total].Median, s.row.Timings[trace.Total].P99)
	w.Text(methodAt, w.y+36, "soft", line)
	errors := g.Failed
	for _, n := range g.Errors {
		errors += n
	}
	line = fmt.Sprintf("%s sent, %s received", w.size(g.Sent), w.size(g.Received))
	w.Text(methodAt, w.y+50, "soft", line)
	if errors > 0 {
		w.Text(sizeEnd, w.y+22, "bad end", fmt.Sprintf("%d failed", errors))
	}
	w.Text(sizeEnd, w.y+36, "soft end", fmt.Sprintf("up to %d at a time", s.most))
	return w.y + stripTitle
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// atOnce returns the most calls that were under way at one moment. It sorts the ends; the starts are sorted.
func atOnce(starts, ends []time.Duration) int {
	slices.Sort(ends)
	ended, most := 0, 0
	for i, start := range starts {
		for ends[ended] < start {
			ended++
		}
		most = max(most, i+1-ended)
	}
	return most
}

// highest is the most calls that were under way, on the average of a pixel.
func (s strip) highest() float64 {
	most := 0.0
	for x := range s.bad {
		sum := 0.0
		for i := range s.under {
			sum += s.under[i][x]
		}
		most = max(most, sum)
	}
	return most
}

// area fills what lies between base and so much above it.
func (w *waterfall) area(base, more []float64, bottom, scale float64, class string) {
	if slices.Max(more) == 0 {
		return
	}
	var d strings.Builder
	for x := 0; x < len(more); x++ {
		if more[x] == 0 {
			continue
		}
		low, high := bottom-base[x]*scale, bottom-(base[x]+more[x])*scale
		fmt.Fprintf(&d, "M%s %sV%sh1V%sz", svg.Number(plotAt+float64(x)), svg.Number(low), svg.Number(high), svg.Number(low))
	}
	w.Path(d.String(), class)
}
