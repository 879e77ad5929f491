package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// waterfallRows is how many calls have a row of their own each.
	waterfallRows = 300
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
	*Trace
	svg
	size     func(int64) string
	wall     int64
	critical map[int32]bool
	y        float64 // how far down it is drawn
}

// Waterfall draws the calls over the time of the run, as SVG that needs nothing
// else and runs nothing: light or dark as the reader's screen is, light on
// paper. size writes a number of bytes for people.
//
// Each call has a row, those of a host stand together, and each phase has a
// colour. Calls on the critical path, which [Trace.Report] tells of, are
// marked. Of more than 300 calls the rows of the 40 that took longest are
// drawn; above them each host and row of the specification has a strip that
// shows how many of its calls were under way at each moment, and in which
// phases, with a mark where one failed.
func (t *Trace) Waterfall(out io.Writer, size func(int64) string) error {
	w := &waterfall{Trace: t, size: size, wall: max(t.wall(), 1), critical: map[int32]bool{}}
	for _, c := range t.criticalPath().calls {
		w.critical[c] = true
	}
	w.head()
	calls := w.all()
	if len(calls) > waterfallRows {
		w.strips(calls)
		calls = w.longest(calls)
		w.y += 10
		w.text(margin, w.y+13, "strong", fmt.Sprintf("The %d calls that took longest", len(calls)))
		w.y += hostHeight
	}
	w.rows(calls)
	w.y += margin
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" class="waterfall" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img">`+
		"\n<style>%[3]s</style>\n<rect width=\"100%%\" height=\"100%%\" class=\"back\"/>\n%[4]s</svg>\n",
		unit(pageWidth), unit(w.y), svgStyle, w.String())
	return err
}

// head draws the title and the legend.
func (w *waterfall) head() {
	title := strings.Join(w.Run.Command, " ")
	if title == "" {
		title = strings.TrimSpace("Recorded by " + w.Run.Tool + " " + w.Run.Version)
	}
	title = printable(title)
	w.WriteString("<title>")
	w.escape(title)
	w.WriteString("</title>\n")
	for _, line := range folded(title, 105) {
		w.y += 19
		w.text(margin, w.y, "title", line)
	}
	var total Group
	for i := range w.spans {
		total.add(&w.spans[i])
	}
	w.y += 18
	w.text(margin, w.y, "soft", fmt.Sprintf("%s · %d calls in %s · %s sent, %s received", w.start.UTC().Format("2006-01-02 15:04:05 MST"),
		total.Calls, ofMicros(w.wall), w.size(total.Sent), w.size(total.Received)))
	w.y += 10
	w.legend()
}

// legend explains colours and marks.
func (w *waterfall) legend() {
	x := margin
	for _, name := range phaseNames() {
		w.rect(x, w.y+2, 10, barHeight, string(name))
		label := phaseTitle(name)
		w.text(x+14, w.y+11, "soft", label)
		x += 26 + 6.1*float64(len(label))
	}
	w.rect(x, w.y+5, 4, 4, "critical")
	w.text(x+8, w.y+11, "soft", "on the critical path")
	w.text(x+124, w.y+11, "again", "#2")
	w.text(x+144, w.y+11, "soft", "second attempt")
	w.y += 24
}

// phaseTitle is a phase for people.
func phaseTitle(a Activity) string {
	switch a {
	case LookingUp:
		return "DNS"
	case Securing:
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

// all returns all calls, host by host in the order of the hosts' first calls.
func (w *waterfall) all() []int32 {
	order := map[int32]int{}
	calls := make([]int32, len(w.spans))
	for i := range w.spans {
		calls[i] = int32(i)
		if _, ok := order[w.spans[i].host]; !ok {
			order[w.spans[i].host] = len(order)
		}
	}
	slices.SortStableFunc(calls, func(a, b int32) int { return cmp.Compare(order[w.spans[a].host], order[w.spans[b].host]) })
	return calls
}

// longest keeps the calls that took longest, in their order.
func (w *waterfall) longest(calls []int32) []int32 {
	sorted := slices.Clone(calls)
	slices.SortStableFunc(sorted, func(a, b int32) int { return cmp.Compare(w.spans[b].total, w.spans[a].total) })
	keep := map[int32]bool{}
	for _, c := range sorted[:min(len(sorted), longestRows)] {
		keep[c] = true
	}
	return slices.DeleteFunc(calls, func(c int32) bool { return !keep[c] })
}

// at is where a moment is drawn.
func (w *waterfall) at(moment int64) float64 {
	return plotAt + plotWidth*float64(moment)/float64(w.wall)
}
