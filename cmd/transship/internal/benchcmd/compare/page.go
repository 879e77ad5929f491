package compare

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/hczjl/transship/distribution/audit/svg"
)

//go:embed page.html
var pageText string

// HTML writes the report as one self-contained page without scripts, fonts or network access.
func (r *Report) HTML(w io.Writer) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, r.page())
}

// page is the data of the template.
type page struct {
	Title, Method string
	Works         []pageWork
	Facts         []pageFacts
	Raw           []pageRaw
	Corpora       []string // if there are several
}

type pageWork struct {
	Name   string
	Tables []pageTable
}

type pageTable struct {
	Name string
	Rows []pageRow
	Axis template.HTML
}

type pageRow struct {
	Label, Median, Range, Verdict string
	Differs                       bool
	Plot                          template.HTML
	Alt                           string
}

type pageFacts struct {
	Label string
	Facts [][2]string
}

type pageRaw struct{ Work, Name, Label, Values string }

func (r *Report) page() page {
	p := page{Title: "transship bench report: " + strings.Join(r.Labels, ", "), Method: r.Method()}
	for i, g := range r.Groups {
		if i == 0 || r.Groups[i-1].Work != g.Work {
			p.Works = append(p.Works, pageWork{Name: g.Work})
		}
		last := &p.Works[len(p.Works)-1]
		last.Tables = append(last.Tables, g.table())
		for _, e := range g.Entries {
			p.Raw = append(p.Raw, pageRaw{g.Work, g.Name, e.Label, rawText(g.unit, e.Samples)})
		}
	}
	for _, run := range r.Runs {
		p.Facts = append(p.Facts, pageFacts{run.Label, run.facts()})
	}
	if corpora := r.Corpora(); len(corpora) > 1 {
		p.Corpora = corpora
	}
	return p
}

func (r *Run) facts() [][2]string {
	m := r.Machine
	out := [][2]string{
		{"File", r.File}, {"Target", r.Target}, {"When", r.Started.UTC().Format("2006-01-02 15:04 MST")},
		{"Command", r.Command}, {"Program", "transship " + r.Version}, {"Corpus", r.Corpus}, {"Seed", fmt.Sprint(r.Seed)},
		{"Machine", fmt.Sprintf("%s/%s, %d processors", m.OS, m.Arch, m.Procs)},
	}
	if m.CPU != "" {
		out[len(out)-1][1] += ", " + m.CPU
	}
	return out
}

// rawText lists samples in the unit of the files: nanoseconds, bytes per second, operations per second.
func rawText(u unit, samples []float64) string {
	var out []string
	for _, v := range samples {
		out = append(out, fmt.Sprintf("%.10g", v))
	}
	names := map[unit]string{nanoseconds: "ns", bytesPerSecond: "B/s", perSecond: "per second", share: "of 1"}
	return strings.Join(out, " ") + " " + names[u]
}

// plotHeight is that of a row, in pixels.
const plotHeight = 30

func (g Group) table() pageTable {
	t := pageTable{Name: g.Name}
	scale := g.scale()
	for i, e := range g.Entries {
		row := pageRow{
			Label: e.Label, Median: g.unit.format(e.Interval.Median), Range: g.Range(e), Verdict: g.pageVerdict(i), Differs: e.Differs(),
			Alt: fmt.Sprintf("%s, %s: %d samples, median %s", g.Name, e.Label, len(e.Samples), g.unit.format(e.Interval.Median)),
		}
		if !g.single {
			row.Plot = scale.plot(e)
		}
		t.Rows = append(t.Rows, row)
	}
	if !g.single {
		t.Axis = scale.axis(g.unit)
	}
	return t
}

// pageVerdict returns a verdict with its p-value, and of the first entry that it is the first.
func (g Group) pageVerdict(i int) string {
	switch {
	case g.single || len(g.Entries) == 1:
		return ""
	case i == 0:
		return "what the others are compared with"
	}
	return fmt.Sprintf("%s (p = %.2g)", g.Verdict(i), g.Entries[i].P)
}

// scale is a linear scale from 0, or a logarithmic one if the samples are thirty times apart.
type scale struct {
	low, high float64
	log       bool
}

func (g Group) scale() scale {
	low, high := math.Inf(1), 0.0
	for _, e := range g.Entries {
		for _, v := range e.Samples {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > 0 && high > 30*low {
		return scale{low / 1.2, high * 1.2, true}
	}
	return scale{0, max(high*1.05, 1e-9), false}
}

// x returns a position in percent of the width.
func (s scale) x(v float64) float64 {
	if s.log {
		return 100 * (math.Log(max(v, s.low)) - math.Log(s.low)) / (math.Log(s.high) - math.Log(s.low))
	}
	return 100 * (v - s.low) / (s.high - s.low)
}

// value returns the value at a share of the width.
func (s scale) value(at float64) float64 {
	if s.log {
		return s.low * math.Pow(s.high/s.low, at)
	}
	return s.low + at*(s.high-s.low)
}

func (s scale) plot(e Entry) template.HTML {
	d := &svg.Drawing{Fluid: true}
	for _, at := range []float64{0, 50, 100} {
		d.Line(at, 0, at, plotHeight, "grid")
	}
	for i, v := range e.Samples {
		d.Circle(s.x(v), 8+float64(i*7%15), 2.5, "dot") // spread over the height, so that equal ones are seen
	}
	if e.Interval.Coverage > 0 {
		d.Rect(s.x(e.Interval.Low), 6, max(s.x(e.Interval.High)-s.x(e.Interval.Low), 0.2), plotHeight-12, "interval")
	}
	d.Line(s.x(e.Interval.Median), 2, s.x(e.Interval.Median), plotHeight-2, "median")
	return template.HTML(d.String())
}

func (s scale) axis(u unit) template.HTML {
	d := &svg.Drawing{Fluid: true}
	for _, mark := range []struct {
		at    float64
		class string
	}{{0, "start"}, {50, "middle"}, {100, "end"}} {
		text := u.format(s.value(mark.at / 100))
		if s.log && mark.at == 50 {
			text += " (logarithmic)"
		}
		d.Text(mark.at, 14, mark.class, text)
	}
	return template.HTML(d.String())
}
