// Package svg draws SVG images: a [Drawing] has the shapes, and an [Image] makes a document of it. Shapes have classes,
// to which a style sheet gives colours.
package svg

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// Drawing is shapes, as they stand inside an svg element. Places and lengths are user units: pixels, unless the image is
// scaled. The zero value is an empty drawing.
type Drawing struct {
	// Fluid makes horizontal places and lengths percent of the image's width, so that the drawing grows and shrinks with
	// the page and its text does not.
	Fluid bool

	out strings.Builder
}

// Rect draws a rectangle, and nothing where the width is not positive. x and y are its upper left corner.
func (d *Drawing) Rect(x, y, width, height float64, class string) {
	if width <= 0 {
		return
	}
	fmt.Fprintf(&d.out, `<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`+"\n", d.across(x), Number(y), d.across(width), Number(height), class)
}

// Line draws a straight line.
func (d *Drawing) Line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.out, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`+"\n", d.across(x1), Number(y1), d.across(x2), Number(y2), class)
}

// Circle draws a circle around x and y.
func (d *Drawing) Circle(x, y, radius float64, class string) {
	fmt.Fprintf(&d.out, `<circle cx="%s" cy="%s" r="%s" class="%s"/>`+"\n", d.across(x), Number(y), Number(radius), class)
}

// Path draws a path from its commands, the value of the attribute d. Its numbers are user units also where Fluid is set.
func (d *Drawing) Path(commands, class string) {
	fmt.Fprintf(&d.out, `<path d="%s" class="%s"/>`+"\n", commands, class)
}

// Text writes a line of text, its baseline at y.
func (d *Drawing) Text(x, y float64, class, text string) {
	fmt.Fprintf(&d.out, `<text x="%s" y="%s" class="%s">%s</text>`+"\n", d.across(x), Number(y), class, escape(text))
}

// Group draws what belongs to one tooltip.
func (d *Drawing) Group(tooltip string, draw func()) {
	d.out.WriteString("<g><title>" + escape(tooltip) + "</title>\n")
	draw()
	d.out.WriteString("</g>\n")
}

// String returns the markup of the shapes.
func (d *Drawing) String() string { return d.out.String() }

// across is a horizontal place or length.
func (d *Drawing) across(n float64) string {
	if d.Fluid {
		return Number(n) + "%"
	}
	return Number(n)
}

// Image is an SVG document that needs nothing else.
type Image struct {
	Drawing
	Title         string
	Class         string  // of the svg element
	Width, Height float64 // user units
	Style         string  // CSS; ".back" is the background
}

// String returns the document.
func (i *Image) String() string {
	width, height := Number(i.Width), Number(i.Height)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="%s" width="%s" height="%s" viewBox="0 0 %[2]s %[3]s" role="img">`+
		"\n<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" class=\"back\"/>\n<title>%s</title>\n%s</svg>\n",
		i.Class, width, height, i.Style, escape(i.Title), i.Drawing.String())
}

// Number writes a place or length to the hundredth, with no more digits than it needs.
func Number(n float64) string {
	text := strconv.FormatFloat(n, 'f', 2, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// escape returns text for an element or attribute. What is no character of XML becomes U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
