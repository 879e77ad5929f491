package cli

import (
	"strings"
	"unicode/utf8"
)

// pageWidth is how many characters a line of a report has at the most, where words can be put on the next one.
const pageWidth = 98

// Columns sets rows of cells under each other, each column as align says: l for left, r for right. Of a last column on the
// left the end is shown where the line would be wider than a page: the end of a path tells it from others.
func Columns(align string, rows [][]string) string {
	widths := columnWidths(align, rows)
	var b strings.Builder
	for _, row := range rows {
		var line string
		for i, cell := range row {
			line += "  "
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			switch {
			case align[i] == 'r':
				line += pad + cell
			case i == len(align)-1:
				line += lastOf(cell, max(20, pageWidth-utf8.RuneCountInString(line)))
			default:
				line += cell + pad
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// columnWidths are the widths of the columns. A row of one cell is a title, which may be wider than its column.
func columnWidths(align string, rows [][]string) []int {
	widths := make([]int, len(align))
	for _, row := range rows {
		for i, cell := range row {
			if len(row) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	return widths
}

// lastOf shortens a text to its last characters.
func lastOf(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return "..." + string(runes[len(runes)-most+3:])
	}
	return text
}

// WriteWrapped writes a text behind a title, in lines of a page's width that begin below the text.
func WriteWrapped(b *strings.Builder, title, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(title))
	line := title
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(indent) && utf8.RuneCountInString(line)+utf8.RuneCountInString(word) >= pageWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
