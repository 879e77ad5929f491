package benchcmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// print writes sections of Go's benchmark format to standard output.
func (c *benchCommand) print(r *run.Run, sections ...func(io.Writer) error) error {
	for _, write := range sections {
		if err := write(r.Stdout); err != nil {
			return err
		}
	}
	return nil
}

func sampleLine(r *bench.Report, s bench.Sample) func(io.Writer) error {
	return func(w io.Writer) error { return r.GoSample(w, s) }
}

// noteResults prints the results in words, and what makes them less meaningful.
func (c *benchCommand) noteResults(r *run.Run, report *bench.Report) {
	for i := range report.Cells {
		r.Note("%s", cellText(report.Kind, report.Summary(i)))
	}
	if verdict := report.Verdict(); verdict != "" {
		r.Note("%s", verdict)
	}
	if report.Limit != nil {
		r.Note("%s", limitText(report))
	}
	var present, blobs, mounted int
	for _, s := range report.Samples {
		present, blobs, mounted = present+s.Present, blobs+s.Blobs, mounted+s.Mounted
	}
	if present > 0 && !c.warm && c.kind != bench.Pull {
		r.Note("%d of %d blobs were already there and did not move; another --seed makes new ones", present, blobs)
	}
	if c.kind == bench.Copy && mounted > 0 {
		r.Note("%d of %d blobs were mounted and did not move: both repositories are on one registry", mounted, blobs)
	}
	if c.kind == bench.Mount && mounted < blobs-present {
		r.Note("%d of %d blobs were not mounted but sent: the registry does not mount them",
			blobs-present-mounted, blobs)
	}
}

// cellText describes the results of one combination.
func cellText(kind bench.Kind, s bench.Summary) string {
	text := fmt.Sprintf("%s %s: ", kind, s.Cell)
	text += fmt.Sprintf("%s, %.4g calls", s.Text(), s.Calls.Median)
	if len(s.TTFB) > 0 {
		median, p99 := bench.Quantile(s.TTFB, 0.5), bench.Quantile(s.TTFB, 0.99)
		text += fmt.Sprintf(", first byte after %s, p99 %s", nanoseconds(float64(median)), nanoseconds(float64(p99)))
	}
	if s.TimesFloor > 0 {
		text += fmt.Sprintf("; %.2f times the minimum", s.TimesFloor)
	}
	return text
}

// limitText describes what --limit has measured.
func limitText(r *bench.Report) string {
	return "the minimum: " + r.Limit.Over + " " + ratesText(r.Limit.Link, "connection") +
		"; SHA-256 " + ratesText(r.Limit.Hash, "processor")
}

// ratesText lists the rates with the number of units that each was measured with.
func ratesText(rates []bench.Rate, unit string) string {
	var texts []string
	for _, rate := range rates {
		texts = append(texts, fmt.Sprintf("%s/s on %d %s%s",
			cli.FormatBytes(int64(rate.PerSecond())), rate.N, unit, cli.Plural(rate.N)))
	}
	return strings.Join(texts, ", ")
}

// noteLeft prints what could not be removed from registries.
func noteLeft(r *run.Run, left []bench.Leftover) {
	for _, l := range left {
		r.Note("left on %s: %d manifest%s, %d blob%s of %s: %s", l.Repository, l.Manifests, cli.Plural(l.Manifests),
			l.Blobs, cli.Plural(l.Blobs), cli.FormatBytes(l.Bytes), cli.ShortenDigests(cli.OneLine(l.Reason.Error())))
	}
}

// nanoseconds formats a short time for people.
func nanoseconds(ns float64) string {
	switch {
	case ns < 1e6:
		return fmt.Sprintf("%.0fµs", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.1fms", ns/1e6)
	}
	return fmt.Sprintf("%.2fs", ns/1e9)
}
