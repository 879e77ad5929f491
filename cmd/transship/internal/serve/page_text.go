package serve

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// writePageText prints a page for terminals: a line for each image, and below it those that pull it.
func writePageText(out io.Writer, c pageContent) error {
	var b strings.Builder
	for _, im := range c.Images {
		fmt.Fprintf(&b, "%s  %s\n", im.Name, strings.Join(im.facts(), "  "))
		for _, line := range im.Pull {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	if len(c.Images) == 0 {
		fmt.Fprintln(&b, "no images")
	}
	if c.Next != "" {
		fmt.Fprintf(&b, "\nmore: %s\n", c.Next)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// facts returns what is known of an image: platforms, size, and when it came.
func (im pageImage) facts() []string {
	var facts []string
	if platforms := im.PlatformText(); platforms != "" {
		facts = append(facts, platforms)
	}
	if im.Size != "" {
		facts = append(facts, im.Size)
	}
	if came := im.ArrivedText(); came != "" {
		facts = append(facts, came)
	}
	return facts
}

// PlatformText returns the platforms in one line.
func (im pageImage) PlatformText() string {
	text := strings.Join(im.Platforms, ", ")
	if im.More > 0 {
		text += fmt.Sprintf(" and %d more", im.More)
	}
	return text
}

// ArrivedText returns when the image came, to the minute, in UTC.
func (im pageImage) ArrivedText() string {
	if im.Arrived.IsZero() {
		return ""
	}
	return im.Arrived.UTC().Format("2006-01-02 15:04 UTC")
}

// ArrivedMachine returns when the image came for programs.
func (im pageImage) ArrivedMachine() string { return im.Arrived.UTC().Format(time.RFC3339) }
