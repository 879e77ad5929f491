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
	Throughput    *jobsPlot
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
	p.Throughput, p.Latency, p.Waterfall = r.jobsPlot(), r.latency(), r.waterfall()
	for _, l := range r.Left {
		p.Left = append(p.Left, fmt.Sprintf("%s: %s, %s of %s", l.Repository,
			plural(l.Manifests, "manifest"), plural(l.Blobs, "blob"), formatBytes(float64(l.Bytes))))
	}
	return p
}

func (r *Report) facts() []fact {
	s := r.Shape
	image := fmt.Sprintf("%s of %s, %s", plural(s.Platforms, "platform"), plural(s.Layers, "layer"), s.Size)
	if s.Compressible > 0 {
		image += fmt.Sprintf(", %.0f %% compressible", s.Compressible*100)
	}
	if s.Warm {
		image += ", the same in all rounds"
	}
	machine := fmt.Sprintf("%s/%s, %s", r.Machine.OS, r.Machine.Arch, plural(r.Machine.Procs, "processor"))
	if r.Machine.CPU != "" {
		machine += ", " + r.Machine.CPU
	}
	return []fact{
		{"When", r.Started.UTC().Format("2006-01-02 15:04 MST")},
		{"Machine", machine}, {"Image", image}, {"Rounds", fmt.Sprint(len(r.SamplesOf(0)))}, {"Seed", fmt.Sprint(r.Seed)},
	}
}

// findings returns the main results as sentences.
func (r *Report) findings() (out []string) {
	best := r.Best()
	if best < 0 || len(r.Samples) == 0 {
		return nil
	}
	s := r.Summary(best)
	out = append(out, fmt.Sprintf("%s: %s by the median of %s.", s.Cell, s.Text(), plural(s.Rounds, "round")))
	if s.TimesFloor > 0 {
		out = append(out, fmt.Sprintf("That is %.2f times the least time that the link and SHA-256 allow.", s.TimesFloor))
	}
	if verdict := r.Verdict(); verdict != "" {
		out = append(out, strings.ToUpper(verdict[:1])+verdict[1:]+".")
	}
	if r.Limit != nil {
		for _, l := range r.limits() {
			out = append(out, strings.ToUpper(l.label[:1])+l.label[1:]+": "+formatBytes(l.value)+"/s.")
		}
	}
	return out
}

func tableRow(s Summary) row {
	out := row{
		Name:  s.Cell.String(),
		Op:    formatDuration(s.Op.Median),
		Calls: fmt.Sprintf("%.4g", s.Calls.Median),
		Peak:  formatBytes(float64(s.Peak)),
	}
	if s.Speed.Median > 0 {
		out.Speed = fmt.Sprintf("%s/s ± %.0f %%", formatBytes(s.Speed.Median), s.Speed.Relative()*100)
		out.CPU = fmt.Sprintf("%.2f ns/B", s.CPU.Median)
	}
	if len(s.TTFB) > 0 {
		out.TTFB50 = formatDuration(float64(Quantile(s.TTFB, 0.5)))
		out.TTFB99 = formatDuration(float64(Quantile(s.TTFB, 0.99)))
	}
	if s.TimesFloor > 0 {
		out.Floors = fmt.Sprintf("%.2f", s.TimesFloor)
	}
	return out
}

// plural returns n and a noun, in the plural unless n is 1.
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// formatBytes formats a number of bytes in powers of 1000.
func formatBytes(n float64) string {
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

// formatDuration formats nanoseconds.
func formatDuration(ns float64) string {
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
