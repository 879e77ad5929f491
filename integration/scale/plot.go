package main

import (
	"fmt"

	"github.com/hczjl/transship/distribution/audit/svg"
)

// point is a run without kills in the plot.
type point struct {
	workers         int
	imagesPerSecond float64
}

// Positions and sizes of the plot, in pixels.
const (
	plotLeft, plotTop = 120, 40
	barHeight, barGap = 18, 8
	barLength         = 320
)

// plot draws images per second by the number of workers.
func plot(title string, points []point) string {
	d := svg.Image{
		Title: title, Width: plotLeft + barLength + 110, Height: float64(plotTop + len(points)*(barHeight+barGap) + 10),
		Style: "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.bar{fill:#4477aa}.back{fill:#fff}",
	}
	most := 0.0
	for _, p := range points {
		most = max(most, p.imagesPerSecond)
	}
	d.Text(10, 20, "title", title)
	for i, p := range points {
		y := float64(plotTop + i*(barHeight+barGap))
		length := barLength * p.imagesPerSecond / most
		d.Text(10, y+13, "label", fmt.Sprintf("workers: %d", p.workers))
		d.Rect(plotLeft, y, length, barHeight, "bar")
		d.Text(plotLeft+length+6, y+13, "label", fmt.Sprintf("%.0f images/s", p.imagesPerSecond))
	}
	return d.String()
}
