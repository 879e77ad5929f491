package waterfall

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/trace"
	"github.com/hczjl/transship/distribution/endpoint"
)

// rows draws the calls of each host, one in a row.
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

// host draws the heading above a host's calls.
func (w *waterfall) host(name string) {
	w.Rect(0, w.y, pageWidth, hostHeight-2, "band")
	w.Text(margin, w.y+13, "strong", truncate(name, 110))
	w.y += hostHeight
}

func (w *waterfall) row(c trace.Call, critical, odd bool) {
	if odd {
		w.Rect(0, w.y, pageWidth, rowHeight, "odd")
	}
	w.Group(tooltip(c), func() {
		if critical {
			w.Rect(methodX-8, w.y+6, 4, 4, "critical")
		}
		w.label(c)
		w.bar(c)
	})
	w.y += rowHeight
}

// tooltip says what the row says, unshortened.
func tooltip(c trace.Call) string {
	text := fmt.Sprintf("call %d: %s %s%s", c.Sequence, c.Method, c.Host, c.Path)
	for i, name := range trace.Phases() {
		if c.Phases[i] > 0 {
			text += fmt.Sprintf(", %s %s", phaseLabel(name), audit.Millis(c.Phases[i]))
		}
	}
	return text
}

// label writes the method, path, status and size of a call.
func (w *waterfall) label(c trace.Call) {
	base := w.y + 12
	width := pathChars
	if c.Attempt > 1 {
		width -= 3
	}
	path := truncateLeft(rowPath(c.Path, c.Blob), width)
	w.Text(methodX, base, "mono", truncate(c.Method, 5))
	w.Text(pathX, base, "mono", path)
	if c.Attempt > 1 {
		w.Text(pathX+6.3*float64(len([]rune(path))+1), base, "mono again", fmt.Sprintf("#%d", c.Attempt))
	}
	switch {
	case c.NotSent:
		w.Text(sizeRight, base, "mono end bad", "refused")
	case c.Status == 0:
		w.Text(statusRight, base, "mono end bad", "lost")
	case c.Failed:
		w.Text(statusRight, base, "mono end bad", fmt.Sprint(c.Status))
	default:
		w.Text(statusRight, base, "mono end", fmt.Sprint(c.Status))
	}
	if bytes := c.Sent + c.Received; bytes > 0 && !c.NotSent {
		w.Text(sizeRight, base, "mono end soft", w.size(bytes))
	}
}

// longDigest matches a digest in a path, whole or shortened by package trace.
var longDigest = regexp.MustCompile(`sha(?:256|512):([0-9a-f]{8})[0-9a-f]{4,}`)

// mountFrom matches the parameter with the source repository of a mount.
var mountFrom = regexp.MustCompile(`\bfrom=[^&]*&`)

// rowPath shortens a path further, to what distinguishes the calls of a host. It appends the blob
// unless the path has it.
func rowPath(path, blob string) string {
	path = shortUploads(longDigest.ReplaceAllString(path, "$1"))
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

// shortUploads shortens the path of an upload to NAME/uploads/.
func shortUploads(path string) string {
	path, query, hasQuery := strings.Cut(path, "?")
	at := endpoint.ParseEnd(path)
	if at.Kind == endpoint.KindUploads || at.Kind == endpoint.KindSession {
		path = fmt.Sprintf("%s/%s/", at.Repository, "uploads")
	}
	if hasQuery {
		path += "?" + query
	}
	return path
}

// truncateLeft shortens a path to limit characters. It cuts on the left, where the repository's
// name is.
func truncateLeft(path string, limit int) string {
	runes := []rune(path)
	if len(runes) <= limit {
		return path
	}
	return "…" + string(runes[len(runes)-limit+1:])
}

// bar draws the phases of a call, and writes its duration.
func (w *waterfall) bar(c trace.Call) {
	if c.NotSent {
		return
	}
	from, top := c.Start, w.y+(rowHeight-barHeight)/2
	for i, name := range trace.Phases() {
		w.Rect(w.x(from), top, w.x(from+c.Phases[i])-w.x(from), barHeight, string(name))
		from += c.Phases[i]
	}
	if w.x(from)-w.x(c.Start) < 1 { // too short to be visible
		w.Rect(w.x(c.Start), top, 1, barHeight, string(trace.Wait))
	}
	w.Text(w.x(from)+4, w.y+12, "mono soft over", audit.Millis(c.Duration()).String())
}
