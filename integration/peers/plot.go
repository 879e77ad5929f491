package main

import (
	"cmp"
	"fmt"
	"slices"
)

// Positions and sizes of the comparison's plot, in pixels.
const (
	plotWidth = 760
	barsFrom  = 100 // the names stand to the left
	barsTo    = 560 // the figures stand to the right
	rowHeight = 20
	gap       = 44 // above the rows of a work, for its title
)

// farOff is the length of the longest bar, in times of the best peer. Longer bars are cut off and marked.
const farOff = 4

// comparison draws the times of the tools for each work of a report.
func comparison(r report) string {
	p := newPlot("How long transship and other tools take for the same work", plotWidth)
	all := good(r.Samples)
	y := 0.0
	for _, w := range r.works {
		if len(all.toolsIn(w.name)) > 1 {
			y = p.bars(y+gap, w, all)
		}
	}
	p.Text(16, y+30, "soft", fmt.Sprintf("Shorter is better. Median of %d rounds, of short works %d, with a line from the least to the most; → is cut.",
		r.Rounds, r.Rounds*moreRounds))
	p.Height = y + 46
	return p.String()
}

// bars draws a work below y, the fastest tool first, and returns its lower edge.
func (p *plot) bars(y float64, w work, all results) float64 {
	p.Text(16, y-10, "title", w.title)
	names := all.toolsIn(w.name)
	times := map[string]spread{}
	longest := 0.0
	for _, name := range names {
		times[name] = spreadOf(all.of(w.name, name).measured(wall))
		longest = max(longest, times[name].most)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(times[a].median, times[b].median) })
	if best, ok := times[all.best(w.name, wall)]; ok {
		longest = min(longest, max(farOff*best.median, times[subject].most))
	}
	for _, name := range names {
		p.bar(y, name, times[name], longest)
		y += rowHeight
	}
	return y
}

// bar draws the time of a tool. longest is the time of the whole width.
func (p *plot) bar(y float64, name string, s spread, longest float64) {
	at := func(v float64) float64 { return barsFrom + (barsTo-barsFrom)*min(v, longest)/longest }
	class, label := "peer", "end"
	if name == subject {
		class, label = "mine", "end title"
	}
	p.Text(barsFrom-8, y+14, label, name)
	p.Rect(barsFrom, y+3, at(s.median)-barsFrom, rowHeight-6, class)
	p.Line(at(s.least), y+rowHeight/2, at(s.most), y+rowHeight/2, "spread")
	figure := s.text(seconds)
	if s.median > longest {
		figure = "→ " + figure
	}
	p.Text(barsTo+10, y+14, "soft", figure)
}
