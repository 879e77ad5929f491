package cli

import (
	"os"
	"strconv"
)

// Help is wrapped to defaultWidth characters where the terminal's width is unknown. In less than
// minWidth it would be a column of words.
const (
	defaultWidth = 80
	minWidth     = 40
)

// Width returns the number of characters in a line of help: $COLUMNS, the width of the terminal that
// standard output is, or 80.
func (s *Streams) Width() int {
	width, err := strconv.Atoi(s.Env("COLUMNS"))
	if err != nil || width <= 0 {
		width = s.Stdout.terminalWidth()
	}
	if width <= 0 {
		return defaultWidth
	}
	return max(width, minWidth)
}

// terminalWidth returns the terminal's width in characters, 0 if the output is no terminal or does
// not say.
func (o *Output) terminalWidth() int {
	file, ok := o.out.(*os.File)
	if !ok {
		return 0
	}
	return windowWidth(file)
}
