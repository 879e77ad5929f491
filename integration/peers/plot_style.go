package main

import "github.com/hczjl/transship/distribution/audit/svg"

// plot is an image with the colours of the reader's scheme, light or dark.
type plot struct{ svg.Image }

func newPlot(title string, width float64) *plot {
	return &plot{svg.Image{Class: "plot", Title: title, Width: width, Style: style}}
}

// style has the classes of the shapes: mine for the subject, peer for the other tools, faint for grid lines.
const style = `
:root { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --mine: #0969da; --peer: #afb8c1; --line: #d1d9e0 }
@media (prefers-color-scheme: dark) {
:root { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --mine: #4493f8; --peer: #525c68; --line: #30363d }
}
.back { fill: var(--ground) } .mine { fill: var(--mine); stroke: var(--mine) } .peer { fill: var(--peer); stroke: var(--peer) }
.faint { stroke: var(--line) } .spread { stroke: var(--ink); stroke-width: 1.5 } rect { stroke: none }
.curve { fill: none; stroke-width: 2 }
text { fill: var(--ink); font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums }
.title { font-weight: 600 } .soft { fill: var(--soft) } .end { text-anchor: end } .middle { text-anchor: middle }
`
