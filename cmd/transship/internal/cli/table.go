package cli

import (
	"strings"
	"unicode/utf8"
)

// pageWidth is the width of a report in characters.
const pageWidth = 98

// Columns formats rows of cells as a table. align has a letter for each column: l for left, r for
// right. Where a line is wider than a page, a last cell on the left is cut at its beginning: the
// end of a path tells it from others. A last column with w is on the left too, and whole.
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
			case i == len(align)-1 && align[i] == 'l':
				line += lastOf(cell, max(20, pageWidth-utf8.RuneCountInString(line)))
			default:
				line += cell + pad
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// columnWidths returns the widths of the columns. A row of one cell is a title, which may be wider
// than its column.
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

// lastOf cuts a text down to its last characters.
func lastOf(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return "..." + string(runes[len(runes)-width+3:])
	}
	return text
}
