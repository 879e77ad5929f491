package waterfall

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/trace"
	"github.com/hczjl/transship/distribution/endpoint"
)

// rows draws the calls of each host.
func (w *waterfall) rows(hosts [][]int) {
	height := 0.0
	for _, calls := range hosts {
		height += hostHeight + float64(len(calls))*rowHeight
	}
	w.axis(w.y + 16 + height)
	for _, calls := range hosts {
		w.host(w.trace.Call(calls[0]).Host)
		for i, c := range calls {
			w.row(w.trace.Call(c), w.critical[c], i%2 == 1)
		}
	}
}

// host draws the title above a host's calls.
func (w *waterfall) host(name string) {
	w.Rect(0, w.y, pageWidth, hostHeight-2, "band")
	w.Text(margin, w.y+13, "strong", clipped(name, 110))
	w.y += hostHeight
}

// row draws a call.
func (w *waterfall) row(c trace.Call, critical, odd bool) {
	if odd {
		w.Rect(0, w.y, pageWidth, rowHeight, "odd")
	}
	w.Group(tooltip(c), func() {
		if critical {
			w.Rect(methodAt-8, w.y+6, 4, 4, "critical")
		}
		w.label(c)
		w.bar(c)
	})
	w.y += rowHeight
}

// tooltip is all that a row says, in full.
func tooltip(c trace.Call) string {
	text := fmt.Sprintf("call %d: %s %s%s", c.Sequence, c.Method, c.Host, c.Path)
	for i, name := range trace.Phases() {
		if c.Phases[i] > 0 {
			text += fmt.Sprintf(", %s %s", phaseTitle(name), audit.Millis(c.Phases[i]))
		}
	}
	return text
}

// label writes what a call was, its status and its size.
func (w *waterfall) label(c trace.Call) {
	base := w.y + 12
	room := pathRunes
	if c.Attempt > 1 {
		room -= 3
	}
	path := clippedPath(rowPath(c.Path, c.Blob), room)
	w.Text(methodAt, base, "mono", clipped(c.Method, 5))
	w.Text(pathAt, base, "mono", path)
	if c.Attempt > 1 {
		w.Text(pathAt+6.3*float64(len([]rune(path))+1), base, "mono again", fmt.Sprintf("#%d", c.Attempt))
	}
	switch {
	case c.NotSent:
		w.Text(sizeEnd, base, "mono end bad", "refused")
	case c.Status == 0:
		w.Text(statusEnd, base, "mono end bad", "lost")
	case c.Failed:
		w.Text(statusEnd, base, "mono end bad", fmt.Sprint(c.Status))
	default:
		w.Text(statusEnd, base, "mono end", fmt.Sprint(c.Status))
	}
	if bytes := c.Sent + c.Received; bytes > 0 && !c.NotSent {
		w.Text(sizeEnd, base, "mono end soft", w.size(bytes))
	}
}

// longDigest matches a digest, whole or shortened, in a path.
var longDigest = regexp.MustCompile(`sha(?:256|512):([0-9a-f]{8})[0-9a-f]{4,}`)

// mountFrom matches the repository that a blob is to be mounted from.
var mountFrom = regexp.MustCompile(`\bfrom=[^&]*&`)

// rowPath shortens a path once more, to what tells a host's calls apart. A blob
// that it does not name is added.
func rowPath(what, blob string) string {
	path := shortUploads(longDigest.ReplaceAllString(what, "$1"))
	path = mountFrom.ReplaceAllString(path, "")
	path = strings.TrimSuffix(path, "?...")
	if _, scope, ok := strings.Cut(path, "?scope="); ok {
		return scope
	}
	blob = longDigest.ReplaceAllString(blob, "$1")
	if blob != "" && !strings.Contains(path, blob) {
		path += " " + blob
	}
	return path
}

// shortUploads shortens the path of an upload to <name>/uploads/.
func shortUploads(what string) string {
	path, _, _ := strings.Cut(what, "?")
	at := endpoint.ParseEnd(path)
	if at.Kind != endpoint.KindUploads && at.Kind != endpoint.KindSession {
		return what
	}
	return strings.Join([]string{at.Repository, "uploads", what[len(path):]}, "/")
}

// clippedPath shortens a path to so many characters from the left, where the
// repository's name is.
func clippedPath(path string, most int) string {
	runes := []rune(path)
	if len(runes) <= most {
		return path
	}
	return "…" + string(runes[len(runes)-most+1:])
}

// bar draws the phases of a call and how long it took.
func (w *waterfall) bar(c trace.Call) {
	if c.NotSent {
		return
	}
	from, top := c.Start, w.y+(rowHeight-barHeight)/2
	for i, name := range trace.Phases() {
		w.Rect(w.at(from), top, w.at(from+c.Phases[i])-w.at(from), barHeight, string(name))
		from += c.Phases[i]
	}
	if w.at(from)-w.at(c.Start) < 1 { // shorter than can be seen
		w.Rect(w.at(c.Start), top, 1, barHeight, string(trace.Wait))
	}
	w.Text(w.at(from)+4, w.y+12, "mono soft over", audit.Millis(c.Duration()).String())
}
