package audit

import (
	"fmt"
	"regexp"
	"strings"
)

// rows draws calls, which stand host by host.
func (w *waterfall) rows(calls []int32) {
	hosts := 0
	for i, c := range calls {
		if i == 0 || w.spans[c].host != w.spans[calls[i-1]].host {
			hosts++
		}
	}
	w.axis(w.y + 16 + float64(hosts)*hostHeight + float64(len(calls))*rowHeight)
	odd := false
	for i, c := range calls {
		if i == 0 || w.spans[c].host != w.spans[calls[i-1]].host {
			w.host(w.names.list[w.spans[c].host])
			odd = false
		}
		w.row(c, odd)
		odd = !odd
	}
}

// host draws the title above a host's calls.
func (w *waterfall) host(name string) {
	w.rect(0, w.y, pageWidth, hostHeight-2, "band")
	w.text(margin, w.y+13, "strong", clipped(name, 110))
	w.y += hostHeight
}

// row draws a call.
func (w *waterfall) row(c int32, odd bool) {
	s := &w.spans[c]
	if odd {
		w.rect(0, w.y, pageWidth, rowHeight, "odd")
	}
	w.titled(w.tooltip(s), func() {
		if w.critical[c] {
			w.rect(methodAt-8, w.y+6, 4, 4, "critical")
		}
		w.label(s)
		w.bar(s)
	})
	w.y += rowHeight
}

// tooltip is all that a row says, in full.
func (w *waterfall) tooltip(s *span) string {
	text := fmt.Sprintf("call %d: %s %s%s", s.sequence, w.names.list[s.method], w.names.list[s.host], w.names.list[s.what])
	for i, name := range phaseNames() {
		if s.phases[i] > 0 {
			text += fmt.Sprintf(", %s %s", phaseTitle(name), ofMicros(s.phases[i]))
		}
	}
	return text
}

// label writes what a call was, its status and its size.
func (w *waterfall) label(s *span) {
	base := w.y + 12
	method := w.names.list[s.method]
	room := pathRunes
	if s.attempt > 1 {
		room -= 3
	}
	path := clippedPath(rowPath(w.names.list[s.what], w.names.list[s.blob]), room)
	w.text(methodAt, base, "mono", clipped(method, 5))
	w.text(pathAt, base, "mono", path)
	if s.attempt > 1 {
		w.text(pathAt+6.3*float64(len([]rune(path))+1), base, "mono again", fmt.Sprintf("#%d", s.attempt))
	}
	switch {
	case s.held:
		w.text(sizeEnd, base, "mono end bad", "refused")
	case s.status == 0:
		w.text(statusEnd, base, "mono end bad", "lost")
	case s.bad():
		w.text(statusEnd, base, "mono end bad", fmt.Sprint(s.status))
	default:
		w.text(statusEnd, base, "mono end", fmt.Sprint(s.status))
	}
	if bytes := s.sent + s.received; bytes > 0 && !s.held {
		w.text(sizeEnd, base, "mono end soft", w.size(bytes))
	}
}

// longDigest matches a digest, whole or shortened, in a path.
var longDigest = regexp.MustCompile(`sha(?:256|512):([0-9a-f]{8})[0-9a-f]{4,}`)

// mountFrom matches the repository that a blob is to be mounted from.
var mountFrom = regexp.MustCompile(`\bfrom=[^&]*&`)

// rowPath shortens a path once more, to what tells a host's calls apart. A blob
// that it does not name is added.
func rowPath(what, blob string) string {
	path := longDigest.ReplaceAllString(what, "$1")
	path = strings.Replace(path, "/blobs/uploads/", "/uploads/", 1)
	path = strings.Replace(path, "/uploads/...", "/uploads/", 1)
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
func (w *waterfall) bar(s *span) {
	if s.held {
		return
	}
	from, top := s.start, w.y+(rowHeight-barHeight)/2
	for i, name := range phaseNames() {
		w.rect(w.at(from), top, w.at(from+s.phases[i])-w.at(from), barHeight, string(name))
		from += s.phases[i]
	}
	if w.at(from)-w.at(s.start) < 1 { // shorter than can be seen
		w.rect(w.at(s.start), top, 1, barHeight, string(Waiting))
	}
	w.text(w.at(from)+4, w.y+12, "mono soft over", ofMicros(s.total).String())
}
