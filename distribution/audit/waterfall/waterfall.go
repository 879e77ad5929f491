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
	// maxRows is how many calls are drawn in rows, all of them.
	maxRows = 300
	// longestRows is how many rows there are if a run has more calls.
	longestRows = 40
)

// Positions and sizes, in pixels of an image that is not scaled.
const (
	pageWidth   = 830.0
	margin      = 10.0
	methodX     = 18.0
	pathX       = 56.0
	statusRight = 300.0
	sizeRight   = 356.0
	plotLeft    = 368.0
	plotRight   = 772.0 // the durations stand to the right of the bars
	plotWidth   = plotRight - plotLeft
	rowHeight   = 16.0
	barHeight   = 10.0
	hostHeight  = 20.0
	pathChars   = 33 // characters of a path that fit before the status
)

// waterfall draws a trace.
type waterfall struct {
	svg.Image
	trace    *trace.Trace
	report   trace.Report
	size     func(int64) string
	wall     time.Duration
	critical map[int]bool // indexes of calls
	y        float64      // lower edge of what is drawn so far
}

// Write draws the calls of a trace over the time of its run. The SVG image needs no other file and
// has no scripts; it is light or dark as the reader's screen, and light on paper. size formats a
// number of bytes for people.
//
// Each call has a row; the calls of a host stand together; each phase has a colour. Calls on the
// critical path, see [trace.Trace.Report], are marked. If there are more than 300 calls, only the
// 40 that took longest have rows. Above them each host and row of the specification has a strip,
// which shows how many of its calls were under way at each moment, in which phases, and which ones
// failed.
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

// head draws the title, the totals and the legend.
func (w *waterfall) head() {
	title := strings.Join(w.report.Run.Command, " ")
	if title == "" {
		title = strings.TrimSpace("Recorded by " + w.report.Run.Tool + " " + w.report.Run.Version)
	}
	w.Title = texts.Printable(title)
	for _, line := range wrapText(w.Title, 105) {
		w.y += 19
		w.Text(margin, w.y, "title", line)
	}
	total := w.report.Total
	w.y += 18
	w.Text(margin, w.y, "soft", fmt.Sprintf("%s · %d calls in %s · %s sent, %s received",
		w.report.Start.UTC().Format("2006-01-02 15:04:05 MST"),
		total.Calls, audit.Millis(w.wall), w.size(total.Sent), w.size(total.Received)))
	w.y += 10
	w.legend()
}

// legend explains colours and marks.
func (w *waterfall) legend() {
	x := margin
	for _, name := range trace.Phases() {
		w.Rect(x, w.y+2, 10, barHeight, string(name))
		label := phaseLabel(name)
		w.Text(x+14, w.y+11, "soft", label)
		x += 26 + 6.1*float64(len(label))
	}
	w.Rect(x, w.y+5, 4, 4, "critical")
	w.Text(x+8, w.y+11, "soft", "on the critical path")
	w.Text(x+124, w.y+11, "again", "#2")
	w.Text(x+144, w.y+11, "soft", "second attempt")
	w.y += 24
}

// phaseLabel is the name of a phase in the image.
func phaseLabel(a trace.Activity) string {
	switch a {
	case trace.DNS:
		return "DNS"
	case trace.TLS:
		return "TLS"
	}
	return string(a)
}

// wrapText breaks a text into at most three lines of about width characters.
func wrapText(text string, width int) []string {
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
		lines[i] = truncate(lines[i], width+5)
	}
	return lines
}

// truncate shortens a text to limit characters.
func truncate(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// hosts returns the calls of each host, in the order of the hosts' first calls.
func (w *waterfall) hosts() [][]int {
	var out [][]int
	index := map[string]int{}
	for i := range w.trace.Len() {
		host := w.trace.Call(i).Host
		n, ok := index[host]
		if !ok {
			n = len(out)
			index[host] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return out
}

// longest keeps the calls that took longest, and their order.
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

// x is the horizontal position of a moment.
func (w *waterfall) x(moment time.Duration) float64 {
	return plotLeft + plotWidth*float64(moment)/float64(w.wall)
}
