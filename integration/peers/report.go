package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// report is what a comparison has shown.
type report struct {
	Machine string            `json:"machine"`
	Rounds  int               `json:"rounds"`
	Tools   map[string]string `json:"tools"` // to their versions
	Samples []sample          `json:"samples"`

	works []work
}

// print writes the tables, in Markdown.
func (r report) print(out io.Writer) {
	printTargets(out, r.works, good(r.Samples))
	r.printAll(out)
}

// versions lists the tools.
func (r report) versions() string {
	var list []string
	for name, version := range r.Tools {
		list = append(list, name+" "+version)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// printTargets writes a row for each target of the works that were run.
func printTargets(out io.Writer, ran []work, r results) {
	fmt.Fprintln(out, "| work | measure | transship | peer | ratio | target | |\n|---|---|---|---|---|---|---|")
	for _, t := range targets() {
		title, ok := titleOf(ran, t.work)
		if !ok {
			continue
		}
		if v := t.judge(r); v.known {
			fmt.Fprintf(out, "| %s | %s | %s |\n", title, t.what, strings.Join(v.columns(), " | "))
		}
	}
	fmt.Fprintln(out)
}

// titleOf is the title of one of works, or of a group of them.
func titleOf(ran []work, name string) (string, bool) {
	if isGroup(name) {
		return name, true
	}
	i := slices.IndexFunc(ran, func(w work) bool { return w.name == name })
	if i < 0 {
		return "", false
	}
	return ran[i].title, true
}

// columns are a verdict's figures, what was asked, and whether that is met.
func (v verdict) columns() []string {
	met := cmp.Or(map[bool]string{true: "met"}[v.met], "**missed**")
	if v.peer == "" {
		return []string{v.mine.text(v.unit), "", "", "<= " + v.unit(v.most), met}
	}
	asked := fmt.Sprintf("<= %.2f of %s", v.most, cmp.Or(strings.ReplaceAll(v.target.peer, bestPeer, "the best"), v.peer))
	return []string{v.mine.text(v.unit), v.peer + " " + atLeast(v.late) + v.theirs.text(v.unit), v.ratio.text(ratio), asked, met}
}

// atLeast stands before the figure of a run that was ended.
func atLeast(late bool) string { return map[bool]string{true: "> "}[late] }

func ratio(v float64) string { return fmt.Sprintf("%.2f", v) }

// text is a median with what it lies between.
func (s spread) text(unit func(float64) string) string {
	if s.least == s.most {
		return unit(s.median)
	}
	return fmt.Sprintf("%s (%s to %s)", unit(s.median), unit(s.least), unit(s.most))
}

// printAll writes a row for each tool in each work, and what went wrong.
func (r report) printAll(out io.Writer) {
	all := good(r.Samples)
	fmt.Fprintln(out, "| work | tool | wall | CPU | peak memory | calls, source + target |\n|---|---|---|---|---|---|")
	for _, w := range r.works {
		for _, name := range all.toolsIn(w.name) {
			of := all.of(w.name, name)
			fmt.Fprintf(out, "| %s | %s | %s%s | %s | %s | %s + %s |\n", w.title, name, atLeast(of.late()),
				spreadOf(of.measured(wall)).text(seconds), seconds(spreadOf(of.measured(cpu)).median),
				megabytes(spreadOf(of.measured(peak)).most),
				count(spreadOf(of.measured(source)).median), count(spreadOf(of.measured(destination)).median))
		}
	}
	fmt.Fprintf(out, "\n%s; rounds: %d, of short works %d; %s\n", r.Machine, r.Rounds, r.Rounds*moreRounds, r.versions())
	printErrors(out, r.Samples)
}

func source(s sample) float64      { return float64(s.Source) }
func destination(s sample) float64 { return float64(s.Target) }

// reason is the first line of an error.
func (s sample) reason() string {
	line, _, _ := strings.Cut(s.Error, "\n")
	return line
}

// printErrors says what went wrong, in a line each; what a tool printed is in the JSON.
func printErrors(out io.Writer, samples []sample) {
	for _, s := range samples {
		if s.Error != "" {
			fmt.Fprintf(out, "%s, round %d, %s: %s\n", s.Work, s.Round+1, s.Tool, s.reason())
		}
	}
}

// write stores the report as JSON.
func (r report) write(file string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
