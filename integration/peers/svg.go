package main

import (
	"fmt"
	"html"
	"strings"
)

// svg is a picture that is being drawn. Its colours follow the reader's scheme, light or dark; it brings its background
// along, so that it can be read on any page.
type svg struct {
	body          strings.Builder
	width, height float64
}

// style names the classes that the shapes have: mine is the subject, peer all else, faint for lines behind.
const style = `<style>
:root { --ground: #ffffff; --ink: #1f2328; --soft: #59636e; --mine: #0969da; --peer: #afb8c1; --line: #d1d9e0 }
@media (prefers-color-scheme: dark) {
:root { --ground: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --mine: #4493f8; --peer: #525c68; --line: #30363d }
}
.ground { fill: var(--ground) } .mine { fill: var(--mine); stroke: var(--mine) } .peer { fill: var(--peer); stroke: var(--peer) }
.faint { stroke: var(--line) } .spread { stroke: var(--ink); stroke-width: 1.5 } rect { stroke: none }
polyline { fill: none !important; stroke-width: 2 }
text { fill: var(--ink); font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums }
.title { font-weight: 600 } .soft { fill: var(--soft) } .end { text-anchor: end } .middle { text-anchor: middle }
</style>
`

// text writes at a point of the base line.
func (p *svg) text(x, y float64, class, format string, args ...any) {
	fmt.Fprintf(&p.body, "<text x=\"%.1f\" y=\"%.1f\" class=%q>%s</text>\n", x, y, class, html.EscapeString(fmt.Sprintf(format, args...)))
}

func (p *svg) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(&p.body, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=%q/>\n", x, y, width, height, class)
}

func (p *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&p.body, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=%q/>\n", x1, y1, x2, y2, class)
}

// curve joins points and marks each.
func (p *svg) curve(points [][2]float64, class string) {
	var list strings.Builder
	for _, at := range points {
		fmt.Fprintf(&list, "%.1f,%.1f ", at[0], at[1])
		fmt.Fprintf(&p.body, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=%q/>\n", at[0], at[1], class)
	}
	fmt.Fprintf(&p.body, "<polyline points=%q class=%q/>\n", strings.TrimSpace(list.String()), class)
}

// String is the whole document. label says what it shows to those who cannot see it.
func (p *svg) String(label string) string {
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" role=\"img\" aria-label=\"%s\">\n",
		p.width, p.height, p.width, html.EscapeString(label)) +
		style + fmt.Sprintf("<rect width=\"%.0f\" height=\"%.0f\" class=\"ground\"/>\n", p.width, p.height) + p.body.String() + "</svg>\n"
}
