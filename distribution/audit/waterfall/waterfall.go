// Package waterfall draws a recorded run, call by call over its time, as an SVG image: see [Write].
package waterfall

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
	"github.com/hczjl/transship/distribution/audit/svg"
	"github.com/hczjl/transship/distribution/audit/trace"
)

const (
	// maxRows is how many calls have a row of their own each.
	maxRows = 300
	// longestRows is how many have where there are more.
	longestRows = 40
)

// The image's measures.
const (
	pageWidth  = 830.0
	margin     = 10.0
	methodAt   = 18.0
	pathAt     = 56.0
	statusEnd  = 300.0
	sizeEnd    = 356.0
	plotAt     = 368.0
	plotEnd    = 772.0 // what a bar's duration needs is behind it
	plotWidth  = plotEnd - plotAt
	rowHeight  = 16.0
	barHeight  = 10.0
	hostHeight = 20.0
	pathRunes  = 33 // so many fit between pathAt and statusEnd, with a status
)

// waterfall draws a trace.
type waterfall struct {
	svg.Image
	trace    *trace.Trace
	report   trace.Report
	size     func(int64) string
	wall     time.Duration
	critical map[int]bool // calls, as in Trace.Call
	y        float64      // how far down it is drawn
}

// Write draws the calls of a trace over the time of its run, as SVG that needs nothing
// else and runs nothing: light or dark as the reader's screen is, light on
// paper. size writes a number of bytes for people.
//
// Each call has a row, those of a host stand together, and each phase has a
// colour. Calls on the critical path, which [trace.Trace.Report] tells of, are
// marked. Of more than 300 calls the rows of the 40 that took longest are
// drawn; above them each host and row of the specification has a strip that
// shows how many of its calls were under way at each moment, and in which
// phases, with a mark where one failed.
func Write(out io.Writer, t *trace.Trace, size func(int64) string) error {
	w := &waterfall{
		Image: svg.Image{Class: "waterfall", Width: pageWidth, Style: style},
		trace: t, report: t.Report(0), size: size, critical: map[int]bool{},
	}
	w.wall = max(time.Duration(w.report.Wall), time.Microsecond)
	for _, step := range w.report.Path {
		w.critical[step.Index] = true
	}
	w.head()
	hosts := w.hosts()
	if t.Len() > maxRows {
		w.strips(hosts)
		hosts = w.longest(hosts)
		w.y += 10
		w.Text(margin, w.y+13, "strong", fmt.Sprintf("The %d calls that took longest", longestRows))
		w.y += hostHeight
	}
	w.rows(hosts)
	w.y += margin
	w.Height = w.y
	_, err := io.WriteString(out, w.String())
	return err
}

// head draws the title and the legend.
func (w *waterfall) head() {
	title := strings.Join(w.report.Run.Command, " ")
	if title == "" {
		title = strings.TrimSpace("Recorded by " + w.report.Run.Tool + " " + w.report.Run.Version)
	}
	w.Title = texts.Printable(title)
	for _, line := range folded(w.Title, 105) {
		w.y += 19
		w.Text(margin, w.y, "title", line)
	}
	total := w.report.Total
	w.y += 18
	w.Text(margin, w.y, "soft", fmt.Sprintf("%s · %d calls in %s · %s sent, %s received", w.report.Start.UTC().Format("2006-01-02 15:04:05 MST"),
		total.Calls, audit.Millis(w.wall), w.size(total.Sent), w.size(total.Received)))
	w.y += 10
	w.legend()
}

// legend explains colours and marks.
func (w *waterfall) legend() {
	x := margin
	for _, name := range trace.Phases() {
		w.Rect(x, w.y+2, 10, barHeight, string(name))
		label := phaseTitle(name)
		w.Text(x+14, w.y+11, "soft", label)
		x += 26 + 6.1*float64(len(label))
	}
	w.Rect(x, w.y+5, 4, 4, "critical")
	w.Text(x+8, w.y+11, "soft", "on the critical path")
	w.Text(x+124, w.y+11, "again", "#2")
	w.Text(x+144, w.y+11, "soft", "second attempt")
	w.y += 24
}

// phaseTitle is a phase for people.
func phaseTitle(a trace.Activity) string {
	switch a {
	case trace.DNS:
		return "DNS"
	case trace.TLS:
		return "TLS"
	}
	return string(a)
}

// folded breaks a text into at most three lines of about so many characters.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line+word) >= width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	lines = append(lines, line)
	if len(lines) > 3 {
		lines = append(lines[:2], lines[2]+" …")
	}
	for i := range lines {
		lines[i] = clipped(lines[i], width+5)
	}
	return lines
}

// clipped shortens a text to so many characters.
func clipped(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// hosts returns the calls of each host, in the order of the hosts' first calls.
func (w *waterfall) hosts() [][]int {
	var out [][]int
	index := map[string]int{}
	for i := range w.trace.Len() {
		host := w.trace.Call(i).Host
		at, ok := index[host]
		if !ok {
			at = len(out)
			index[host] = at
			out = append(out, nil)
		}
		out[at] = append(out[at], i)
	}
	return out
}

// longest keeps the calls that took longest, in their order.
func (w *waterfall) longest(hosts [][]int) [][]int {
	durations := make([]time.Duration, w.trace.Len())
	for i := range durations {
		durations[i] = w.trace.Call(i).Duration()
	}
	sorted := slices.Concat(hosts...)
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(durations[b], durations[a]) })
	keep := map[int]bool{}
	for _, c := range sorted[:longestRows] {
		keep[c] = true
	}
	for i := range hosts {
		hosts[i] = slices.DeleteFunc(hosts[i], func(c int) bool { return !keep[c] })
	}
	return slices.DeleteFunc(hosts, func(calls []int) bool { return len(calls) == 0 })
}

// at is where a moment is drawn.
func (w *waterfall) at(moment time.Duration) float64 {
	return plotAt + plotWidth*float64(moment)/float64(w.wall)
}
