package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
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
	Title, Target string
	Facts         []fact
	Found         []string // sentences
	Throughput    *byJobs
	Latency       *latency
	Waterfall     *waterfall
	Rows          []row
	HasFloors     bool
	Left          []string
}

type fact struct{ Name, Value string }

// row is a row of the table.
type row struct {
	Name, Speed, Op, Calls, TTFB50, TTFB99, CPU, Peak, Floors string
}

func (r *Report) page() page {
	p := page{Title: "transship bench " + string(r.Kind), Target: r.Target, Facts: r.facts(), HasFloors: r.Limit != nil}
	for i := range r.Cells {
		p.Rows = append(p.Rows, tableRow(r.Summary(i)))
	}
	p.Found = r.findings()
	p.Throughput, p.Latency, p.Waterfall = r.byJobs(), r.latency(), r.waterfall()
	for _, l := range r.Left {
		p.Left = append(p.Left, fmt.Sprintf("%s: %s, %s of %s", l.Repository,
			several(l.Manifests, "manifest"), several(l.Blobs, "blob"), amount(float64(l.Bytes))))
	}
	return p
}

func (r *Report) facts() []fact {
	s := r.Shape
	image := fmt.Sprintf("%s of %s, %s", several(s.Platforms, "platform"), several(s.Layers, "layer"), s.Size)
	if s.Compressible > 0 {
		image += fmt.Sprintf(", %.0f %% compressible", s.Compressible*100)
	}
	if s.Warm {
		image += ", the same in all rounds"
	}
	machine := fmt.Sprintf("%s/%s, %s", r.Machine.OS, r.Machine.Arch, several(r.Machine.Procs, "processor"))
	if r.Machine.CPU != "" {
		machine += ", " + r.Machine.CPU
	}
	return []fact{
		{"When", r.Started.UTC().Format("2006-01-02 15:04 MST")},
		{"Machine", machine}, {"Image", image}, {"Rounds", fmt.Sprint(len(r.Of(0)))}, {"Seed", fmt.Sprint(r.Seed)},
	}
}

// findings returns the main results as sentences.
func (r *Report) findings() (out []string) {
	best := r.Best()
	if best < 0 || len(r.Samples) == 0 {
		return nil
	}
	s := r.Summary(best)
	if s.Speed.Median > 0 {
		out = append(out, fmt.Sprintf("Fastest is %s: %s/s by the median of %s, between %s/s and %s/s.",
			s.Cell, amount(s.Speed.Median), several(s.Rounds, "round"), amount(s.Speed.Min), amount(s.Speed.Max)))
	} else {
		out = append(out, fmt.Sprintf("Fastest is %s: %s for one by the median of %s, between %s and %s.",
			s.Cell, span(s.Op.Median), several(s.Rounds, "round"), span(s.Op.Min), span(s.Op.Max)))
	}
	if s.Floors > 0 {
		out = append(out, fmt.Sprintf("That is %.2f times the least time that the link and SHA-256 allow.", s.Floors))
	}
	if r.Limit != nil {
		for _, l := range r.limits() {
			out = append(out, strings.ToUpper(l.Label[:1])+l.Label[1:]+": "+amount(l.v)+"/s.")
		}
	}
	return out
}

func tableRow(s Summary) row {
	out := row{
		Name: s.Cell.String(), Op: span(s.Op.Median), Calls: fmt.Sprintf("%.4g", s.Calls.Median), Peak: amount(float64(s.Peak)),
	}
	if s.Speed.Median > 0 {
		out.Speed = fmt.Sprintf("%s/s ± %.0f %%", amount(s.Speed.Median), s.Speed.Relative()*100)
		out.CPU = fmt.Sprintf("%.2f ns/B", s.CPU.Median)
	}
	if len(s.TTFB) > 0 {
		out.TTFB50 = span(float64(Quantile(s.TTFB, 0.5)))
		out.TTFB99 = span(float64(Quantile(s.TTFB, 0.99)))
	}
	if s.Floors > 0 {
		out.Floors = fmt.Sprintf("%.2f", s.Floors)
	}
	return out
}

// several writes a number of things.
func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// amount writes bytes for people, in powers of 1000.
func amount(n float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	if n < 9.95 && i > 0 {
		return fmt.Sprintf("%.1f %s", n, units[i])
	}
	return fmt.Sprintf("%.0f %s", n, units[i])
}

// span writes nanoseconds for people.
func span(ns float64) string {
	switch d := time.Duration(ns); {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", ns/1e9)
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", ns/1e9)
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", ns/1e6)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	}
	return fmt.Sprintf("%.0f µs", ns/1e3)
}
