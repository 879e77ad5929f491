package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hczjl/transship/distribution/audit/svg"
)

// Positions and sizes of the growth plot, in pixels.
const (
	panelWidth  = 280
	panelHeight = 150
	panelLeft   = 70 // left of a panel, for its axis
	panelTop    = 44 // above a panel, for its title
	panelFoot   = 40 // below it, for its axis
)

// axis maps values to positions on an axis, in pixels.
type axis struct {
	least, most float64
	log         bool
	length      float64
}

// at returns the position of a value.
func (a axis) at(v float64) float64 {
	if a.log {
		return a.length * math.Log(v/a.least) / math.Log(a.most/a.least)
	}
	return a.length * (v - a.least) / (a.most - a.least)
}

// ticks returns the values of the axis' labels.
func (a axis) ticks() []float64 {
	var all []float64
	if !a.log {
		for i := range 5 {
			all = append(all, a.least+(a.most-a.least)*float64(i)/4)
		}
		return all
	}
	for v := a.least; v <= a.most*1.001; v *= 10 {
		all = append(all, v)
	}
	return all
}

// decades returns a logarithmic axis from and to a power of ten around the values.
func decades(values []float64, length float64) axis {
	least, most := math.Inf(1), 0.0
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	return axis{math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most))), true, length}
}

// growthPlot draws time and memory over the size of growing works, then time and calls over the number of workers: a column for
// each, time above.
func growthPlot(all results) string {
	column, row := float64(panelLeft+panelWidth), float64(panelTop+panelHeight+panelFoot)
	p := newPlot("Time and memory of transship with more images and larger blobs, time and calls with more workers", 3*column+24)
	p.Height = 2 * row
	for i, g := range growths() {
		x := float64(i)*column + panelLeft
		sizes, times, peaks := g.results(all)
		if len(sizes) == 0 {
			continue
		}
		across := decades(sizes, panelWidth)
		p.panel(x, panelTop, g.title+": seconds", g.unit, across, decades(times, panelHeight), sizes, times)
		p.panel(x, row+panelTop, g.title+": MB of memory at most", g.unit, across, axis{0, 40, false, panelHeight}, sizes, peaks)
	}
	if numbers, times, thousands := shardResults(all); len(numbers) > 0 {
		x := 2*column + panelLeft
		across := axis{0, 8, false, panelWidth}
		p.panel(x, panelTop, "a registry: seconds", "workers", across, fromZero(times), numbers, times)
		p.panel(x, row+panelTop, "a registry: thousands of calls", "workers", across, fromZero(thousands), numbers, thousands)
	}
	return p.String()
}

// fromZero returns an axis from 0 to four steps of 1, 2 or 5 times a power of ten above the values.
func fromZero(values []float64) axis {
	step := math.Pow(10, math.Floor(math.Log10(slices.Max(values)/4)))
	for _, times := range []float64{2, 2.5, 2} { // 2, 5, 10
		if 4*step < slices.Max(values) {
			step *= times
		}
	}
	return axis{0, 4 * step, false, panelHeight}
}

// results returns the sizes of a growing work, with the median seconds and the most MB of memory.
func (g growing) results(all results) (sizes, times, peaks []float64) {
	for _, size := range g.sizes {
		if of := all.of(g.name(size), subject); len(of) > 0 {
			sizes = append(sizes, float64(size))
			times = append(times, spreadOf(of.measured(wall)).median)
			peaks = append(peaks, spreadOf(of.measured(peak)).most/1e6)
		}
	}
	return sizes, times, peaks
}

// panel draws a curve with its axes. x and y are the upper left corner.
func (p *plot) panel(x, y float64, title, unit string, across, up axis, xs, ys []float64) {
	bottom := y + panelHeight
	p.Text(x, y-14, "title", title)
	for _, v := range up.ticks() {
		p.Line(x, bottom-up.at(v), x+panelWidth, bottom-up.at(v), "faint")
		p.Text(x-8, bottom-up.at(v)+4, "soft end", fmt.Sprint(v))
	}
	for _, v := range across.ticks() {
		p.Text(x+across.at(v), bottom+18, "soft middle", fmt.Sprint(v))
	}
	p.Text(x+panelWidth, bottom+34, "soft end", unit)
	var path []string
	for i := range xs {
		x, y := x+across.at(xs[i]), bottom-up.at(ys[i])
		p.Circle(x, y, 3.5, "mine")
		path = append(path, svg.Number(x)+" "+svg.Number(y))
	}
	p.Path("M"+strings.Join(path, "L"), "mine curve")
}
