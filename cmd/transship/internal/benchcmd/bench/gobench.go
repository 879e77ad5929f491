package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// GoHeader writes the first lines of a run in Go's benchmark format: those of go test -bench, and
// the units for benchstat (golang.org/design/14313-benchmark-format; golang.org/x/perf/benchfmt,
// "Unit").
func (r *Report) GoHeader(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: github.com/hczjl/transship\n", r.Machine.OS, r.Machine.Arch)
	if r.Machine.CPU != "" {
		fmt.Fprintf(&b, "cpu: %s\n", r.Machine.CPU)
	}
	for _, unit := range []string{"calls/op", "ttfb-p50-ns", "ttfb-p99-ns", "cpu-ns/B", "rss-peak-bytes", "x-floor"} {
		fmt.Fprintf(&b, "Unit %s better=lower\n", unit)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// GoSample writes the line of one sample. Each round has its own line, so that benchstat has
// samples.
func (r *Report) GoSample(w io.Writer, s Sample) error {
	values := []value{{s.NsPerOp(), "ns/op"}}
	if s.Bytes > 0 {
		values = append(values, value{s.MBPerSecond(), "MB/s"})
	}
	values = append(values, value{float64(s.Calls) / float64(max(s.Ops, 1)), "calls/op"})
	if len(s.TTFB) > 0 {
		values = append(values,
			value{float64(Quantile(s.TTFB, 0.5)), "ttfb-p50-ns"},
			value{float64(Quantile(s.TTFB, 0.99)), "ttfb-p99-ns"})
	}
	if s.Bytes > 0 {
		values = append(values, value{s.CPUPerByte(), "cpu-ns/B"})
	}
	values = append(values, value{float64(s.Peak), "rss-peak-bytes"})
	if f := r.timesFloor(s); f > 0 {
		values = append(values, value{f, "x-floor"})
	}
	return r.writeLine(w, r.benchmarkName(s), max(s.Ops, 1), values)
}

// GoLimit writes the lines of the limit. One operation is 1 MiB.
func (r *Report) GoLimit(w io.Writer) error {
	if r.Limit == nil {
		return nil
	}
	for _, x := range []struct {
		name  string
		rates []Rate
	}{{"Link/conns", r.Limit.Link}, {"SHA256/procs", r.Limit.Hash}} {
		for _, rate := range x.rates {
			ops := max(float64(rate.Bytes)/(1<<20), 1)
			values := []value{{float64(rate.Elapsed.Nanoseconds()) / ops, "ns/op"}, {rate.PerSecond() / 1e6, "MB/s"}}
			if err := r.writeLine(w, fmt.Sprintf("Limit%s=%d", x.name, rate.N), int(ops), values); err != nil {
				return err
			}
		}
	}
	return nil
}

// benchmarkName returns the name in a sample's line, without the prefix Benchmark.
func (r *Report) benchmarkName(s Sample) string {
	kind := string(r.Kind)
	return strings.ToUpper(kind[:1]) + kind[1:] + "/" + r.Cells[s.Cell].String() + "/" + r.Shape.String()
}

type value struct {
	v    float64
	unit string
}

func (r *Report) writeLine(w io.Writer, name string, n int, values []value) error {
	suffix := ""
	if r.Machine.Procs != 1 {
		suffix = "-" + strconv.Itoa(r.Machine.Procs)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Benchmark%s%s\t%8d", name, suffix, n)
	for _, v := range values {
		fmt.Fprintf(&b, "\t%s %s", formatNumber(v.v), v.unit)
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// formatNumber formats a number with as many digits as package testing does.
func formatNumber(v float64) string {
	switch a := max(v, -v); {
	case v == 0 || a >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case a >= 9.995:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.9995:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
