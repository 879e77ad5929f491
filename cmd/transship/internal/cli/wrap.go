package cli

import (
	"strings"
	"unicode/utf8"
)

// Reflow wraps a text to a width in characters. Lines that follow one another are one paragraph. A
// line that begins with two spaces stands for itself, and "  TERM  text" keeps its text in the
// column where it begins. One that begins with four is not wrapped: users copy it.
func Reflow(text string, width int) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			writeHanging(&b, "", strings.Join(paragraph, " "), width)
			paragraph = nil
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			b.WriteString("\n")
		case strings.HasPrefix(line, "    "):
			flush()
			b.WriteString(line + "\n")
		case strings.HasPrefix(line, "  "):
			flush()
			writeItem(&b, line, width)
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return b.String()
}

// writeItem writes a line "  TERM  text" with its text wrapped in its column, or below the term if
// that leaves less than half of the width.
func writeItem(b *strings.Builder, line string, width int) {
	term, text, ok := strings.Cut(line[2:], "  ")
	if !ok {
		b.WriteString(line + "\n")
		return
	}
	text = strings.TrimLeft(text, " ")
	title := strings.TrimSuffix(line, text)
	if utf8.RuneCountInString(title) > width/2 {
		b.WriteString("  " + term + "\n")
		title = "      "
	}
	writeHanging(b, title, text, width)
}

// WriteWrapped writes a title and a text, wrapped to the width of a report and indented by the
// title's width.
func WriteWrapped(b *strings.Builder, title, text string) { writeHanging(b, title, text, pageWidth-1) }

// writeHanging writes a title and a text, in lines of at most width characters. The lines after the
// first are indented by the title's width. A word is never cut.
func writeHanging(b *strings.Builder, title, text string, width int) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(title))
	line := title
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(indent) && utf8.RuneCountInString(line)+utf8.RuneCountInString(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
