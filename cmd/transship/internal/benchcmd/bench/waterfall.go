package bench

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/distribution/audit/svg"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// waterfallRows is the largest number of calls in the page.
const waterfallRows = 80

// waterfall is one round, call by call.
type waterfall struct {
	Of      string
	Total   string
	Axis    template.HTML
	Rows    []waterfallRow
	Dropped int // calls that are not shown
}

type waterfallRow struct {
	Method, What string
	Status       int
	Title        string
	SVG          template.HTML
}

// waterfall draws the first measured round of the cell with the best median.
func (r *Report) waterfall() *waterfall {
	best := r.Best()
	if best < 0 || len(r.SamplesOf(best)) == 0 || len(r.SamplesOf(best)[0].Trace) == 0 {
		return nil
	}
	s := r.SamplesOf(best)[0]
	calls := slices.SortedFunc(slices.Values(s.Trace), func(a, b wire.Call) int {
		return cmp.Compare(a.Sequence, b.Sequence)
	})
	p := &waterfall{Of: r.Cells[best].String(), Total: formatDuration(float64(s.Elapsed)), Dropped: s.Dropped}
	shown := calls
	if len(calls) > waterfallRows {
		p.Dropped += len(calls) - waterfallRows
		shown = calls[:waterfallRows]
	}
	until := time.Duration(0)
	for _, c := range shown {
		until = max(until, c.Start.Sub(s.Start)+c.Duration)
	}
	scale := steps(float64(max(until, 1)), 3)
	end := scale[len(scale)-1]
	x := func(d time.Duration) float64 { return float64(d) / end * 100 }
	var marks []mark
	for _, v := range scale {
		marks = append(marks, mark{v / end * 100, formatDuration(v)})
	}
	marks[0].label = "0"
	p.Axis = timeAxis(marks)
	for _, c := range shown {
		p.Rows = append(p.Rows, waterfallOf(c, newRow(marks, 16), x, s.Start))
	}
	return p
}

// waterfallOf draws a call into d, which has the grid.
func waterfallOf(c wire.Call, d *svg.Drawing, x func(time.Duration) float64, start time.Time) waterfallRow {
	at, wait := x(c.Start.Sub(start)), x(timeToFirstByte(c))
	switch {
	case c.Sent > 0: // the body is sent until the answer comes
		d.Rect(at, 3, x(c.Duration), 10, "out")
	case c.Received > 0:
		d.Rect(at, 3, wait, 10, "wait")
		d.Rect(at+wait, 3, x(c.Timings.Receive), 10, "in")
	default:
		d.Rect(at, 3, x(c.Duration), 10, "wait")
	}
	return waterfallRow{
		Method: c.Method, What: callWhat(c), Status: c.StatusCode, SVG: template.HTML(d.String()),
		Title: fmt.Sprintf("%s %s: %d after %s, %s in all, %s sent, %s received", c.Method, c.URL, c.StatusCode,
			formatDuration(float64(timeToFirstByte(c))), formatDuration(float64(c.Duration)),
			formatBytes(float64(c.Sent)), formatBytes(float64(c.Received))),
	}
}

// callWhat says in a few characters what a call is about.
func callWhat(c wire.Call) string {
	path, query, _ := strings.Cut(c.URL, "?")
	at := endpoint.ParseEnd(path)
	values, _ := url.ParseQuery(query)
	switch {
	case at.Kind == endpoint.KindManifest:
		return "manifest " + brief(at.Reference)
	case values.Has("mount"):
		return "mount " + brief(values.Get("mount"))
	case c.Method == http.MethodPut && c.Sent == 0:
		return "end of upload"
	case at.Kind == endpoint.KindUploads || at.Kind == endpoint.KindSession || c.Sent > 0:
		return "upload " + formatBytes(float64(c.Sent))
	case at.Kind == endpoint.KindBlob:
		return "blob " + brief(at.Reference) + " " + formatBytes(float64(c.Received))
	}
	return brief(path[strings.LastIndexByte(path, '/')+1:])
}

// brief returns a tag, or the beginning of a digest.
func brief(ref string) string {
	ref = strings.TrimPrefix(ref, "sha256:")
	if len(ref) > 12 {
		return ref[:8] + "…"
	}
	return ref
}
