package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Console is standard error: lines of text and, on a terminal, status lines below them that are
// redrawn as they change. Its methods may be called concurrently.
type Console struct {
	Terminal bool // standard error is a terminal

	out    io.Writer
	mu     sync.Mutex
	status []string // as drawn last
}

// NewConsole returns a console that writes to out.
func NewConsole(out io.Writer) *Console { return &Console{out: out, Terminal: IsTerminal(out)} }

// Line prints a line above the status lines.
func (c *Console) Line(format string, args ...any) {
	fmt.Fprintf(c, format+"\n", args...)
}

// Write implements io.Writer. The text goes above the status lines.
func (c *Console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.status) == 0 {
		return c.out.Write(text)
	}
	if _, err := io.WriteString(c.out, c.toStatus()+"\x1b[J"+string(text)+drawn(c.status)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// above calls print, which writes whole lines to the terminal, with the status lines removed meanwhile.
func (c *Console) above(print func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.status) > 0 {
		_, _ = io.WriteString(c.out, c.toStatus()+"\x1b[J")
	}
	print()
	if len(c.status) > 0 {
		_, _ = io.WriteString(c.out, drawn(c.status))
	}
}

// SetStatus replaces the status lines. Without lines it removes them.
func (c *Console) SetStatus(lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.status)+len(lines) == 0 {
		return
	}
	_, _ = io.WriteString(c.out, c.toStatus()+drawn(lines)) // there is no other stream to report an error on
	c.status = lines
}

// toStatus returns the control sequence that moves the cursor to the first status line.
func (c *Console) toStatus() string {
	if len(c.status) == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r", len(c.status))
}

// drawn returns lines with the control sequences that write them over the lines there and erase
// the rest below. Line wrap is off meanwhile: a line wider than the terminal is cut, so that the
// number of lines to move the cursor up stays right.
func drawn(lines []string) string {
	var b strings.Builder
	b.WriteString("\x1b[?7l")
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J\x1b[?7h")
	return b.String()
}

// IsTerminal reports whether a stream is a character device other than the null device.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
