package main

import (
	"fmt"
	"io"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

// print writes parts of Go's benchmark format to standard output, unless that is for JSON.
func (b *benching) print(a *app, parts ...func(io.Writer) error) error {
	if b.json {
		return nil
	}
	for _, write := range parts {
		if err := write(a.stdout); err != nil {
			return err
		}
	}
	return nil
}

func sampleLine(r *bench.Report, s bench.Sample) func(io.Writer) error {
	return func(w io.Writer) error { return r.GoSample(w, s) }
}

// tell says in words what was found.
func (b *benching) tell(a *app, report *bench.Report) {
	for i := range report.Cells {
		a.note("%s", cellText(report.Kind, report.Summary(i)))
	}
	if report.Limit != nil {
		a.note("%s", limitText(report))
	}
	var present, blobs, mounted int
	for _, s := range report.Samples {
		present, blobs, mounted = present+s.Present, blobs+s.Blobs, mounted+s.Mounted
	}
	if present > 0 && !b.warm && b.kind != bench.Pull {
		a.note("%d of %d blobs were there already and did not move; another --seed makes other ones", present, blobs)
	}
	if b.kind == bench.Copy && mounted > 0 {
		a.note("%d of %d blobs were mounted and did not move: both repositories are on one registry", mounted, blobs)
	}
	if b.kind == bench.Mount && mounted < blobs-present {
		a.note("%d of %d blobs were not mounted but sent: the registry does not mount them", blobs-present-mounted, blobs)
	}
}

// cellText is what was found of a combination.
func cellText(kind bench.Kind, s bench.Summary) string {
	text := fmt.Sprintf("%s %s: ", kind, s.Cell)
	if s.Speed.Median > 0 {
		text += fmt.Sprintf("%s/s (%s to %s)", formatBytes(int64(s.Speed.Median)), formatBytes(int64(s.Speed.Min)), formatBytes(int64(s.Speed.Max)))
	} else {
		text += fmt.Sprintf("%s each (%s to %s)", nanoseconds(s.Op.Median), nanoseconds(s.Op.Min), nanoseconds(s.Op.Max))
	}
	text += fmt.Sprintf(", %.4g calls", s.Calls.Median)
	if len(s.TTFB) > 0 {
		text += fmt.Sprintf(", first byte after %s, p99 %s", nanoseconds(float64(bench.Quantile(s.TTFB, 0.5))), nanoseconds(float64(bench.Quantile(s.TTFB, 0.99))))
	}
	if s.Floors > 0 {
		text += fmt.Sprintf("; %.2f times the least that is possible", s.Floors)
	}
	return text
}

// limitText says what the least is made of.
func limitText(r *bench.Report) string {
	text := "the least: " + r.Limit.Over
	for _, x := range []struct {
		of    string
		rates []bench.Rate
	}{{"connection", r.Limit.Link}, {"processor", r.Limit.Hash}} {
		if x.of == "processor" {
			text += "; SHA-256"
		}
		for _, rate := range x.rates {
			text += fmt.Sprintf(" %s/s on %d %s%s,", formatBytes(int64(rate.PerSecond())), rate.N, x.of, plural(rate.N))
		}
		text = text[:len(text)-1]
	}
	return text
}

// tellLeft says what is left in registries.
func (b *benching) tellLeft(a *app, left []bench.Left) {
	for _, l := range left {
		a.note("left on %s: %d manifest%s, %d blob%s of %s: %s", l.Repository, l.Manifests, plural(l.Manifests),
			l.Blobs, plural(l.Blobs), formatBytes(l.Bytes), shorten(oneLine(l.Reason.Error())))
	}
}

// nanoseconds writes a short time for people.
func nanoseconds(ns float64) string {
	switch {
	case ns < 1e6:
		return fmt.Sprintf("%.0fµs", ns/1e3)
	case ns < 1e9:
		return fmt.Sprintf("%.1fms", ns/1e6)
	}
	return fmt.Sprintf("%.2fs", ns/1e9)
}
