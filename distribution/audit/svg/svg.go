// Package svg draws SVG images. A [Drawing] has the shapes; an [Image] makes a document of them.
// Shapes have classes, to which a style sheet gives colours.
package svg

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// Drawing is the content of an svg element. Positions and lengths are user units, which are pixels
// unless the image is scaled. The zero value is an empty drawing.
type Drawing struct {
	// Fluid makes horizontal positions and lengths percent of the image's width. The drawing is
	// then as wide as the page, and its text keeps its size.
	Fluid bool

	out strings.Builder
}

// Rect draws a rectangle from its upper left corner, and nothing if the width is not positive.
func (d *Drawing) Rect(x, y, width, height float64, class string) {
	if width <= 0 {
		return
	}
	fmt.Fprintf(&d.out, `<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`+"\n",
		d.horizontal(x), Number(y), d.horizontal(width), Number(height), class)
}

// Line draws a straight line.
func (d *Drawing) Line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.out, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`+"\n",
		d.horizontal(x1), Number(y1), d.horizontal(x2), Number(y2), class)
}

// Circle draws a circle around a centre.
func (d *Drawing) Circle(x, y, radius float64, class string) {
	fmt.Fprintf(&d.out, `<circle cx="%s" cy="%s" r="%s" class="%s"/>`+"\n",
		d.horizontal(x), Number(y), Number(radius), class)
}

// Path draws a path from its commands, the value of the attribute d. They are in user units, also
// if the drawing is Fluid.
func (d *Drawing) Path(commands, class string) {
	fmt.Fprintf(&d.out, `<path d="%s" class="%s"/>`+"\n", commands, class)
}

// Text writes a line of text with its baseline at y.
func (d *Drawing) Text(x, y float64, class, text string) {
	fmt.Fprintf(&d.out, `<text x="%s" y="%s" class="%s">%s</text>`+"\n", d.horizontal(x), Number(y), class, escape(text))
}

// Group calls draw, and gives what it draws a tooltip.
func (d *Drawing) Group(tooltip string, draw func()) {
	d.out.WriteString("<g><title>" + escape(tooltip) + "</title>\n")
	draw()
	d.out.WriteString("</g>\n")
}

// String returns the markup.
func (d *Drawing) String() string { return d.out.String() }

func (d *Drawing) horizontal(n float64) string {
	if d.Fluid {
		return Number(n) + "%"
	}
	return Number(n)
}

// Image is an SVG document that needs no other file.
type Image struct {
	Drawing
	Title         string
	Class         string  // of the svg element
	Width, Height float64 // user units
	Style         string  // CSS; the background has the class "back"
}

// String returns the document.
func (i *Image) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="%s" `+
		`width="%s" height="%s" viewBox="0 0 %[2]s %[3]s" role="img">`+
		"\n<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" class=\"back\"/>\n<title>%s</title>\n%s</svg>\n",
		i.Class, Number(i.Width), Number(i.Height), i.Style, escape(i.Title), i.Drawing.String())
}

// Number formats a position or length with at most two decimal places.
func Number(n float64) string {
	text := strconv.FormatFloat(n, 'f', 2, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// escape returns text for an element. Characters that XML does not allow become U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // writing to b does not fail
	return b.String()
}
