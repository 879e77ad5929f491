package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Console is standard error: lines for people and, on a terminal, a picture below them of what is under way, which is
// drawn anew as it changes. Its methods may be called concurrently.
type Console struct {
	out      io.Writer
	Terminal bool // a person watches

	mu      sync.Mutex
	picture []string // as drawn last
}

func NewConsole(out io.Writer) *Console { return &Console{out: out, Terminal: IsTerminal(out)} }

// Line prints a line above the picture.
func (c *Console) Line(format string, args ...any) {
	fmt.Fprintf(c, format+"\n", args...)
}

// Write implements io.Writer. What it is given comes above the picture too.
func (c *Console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.picture) == 0 {
		return c.out.Write(text)
	}
	if _, err := io.WriteString(c.out, c.toTop()+"\x1b[J"+string(text)+drawing(c.picture)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// SetStatus puts a picture in the place of the one before; one without lines leaves nothing behind.
func (c *Console) SetStatus(picture []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.picture)+len(picture) == 0 {
		return
	}
	_, _ = io.WriteString(c.out, c.toTop()+drawing(picture)) // there is nowhere to complain
	c.picture = picture
}

// toTop moves the cursor to where the picture begins.
func (c *Console) toTop() string {
	if len(c.picture) == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r", len(c.picture))
}

// drawing writes lines over what stands there, and removes the rest below. The terminal is told not to wrap meanwhile:
// a line that is too long for it is cut, so that each stays one line and the cursor finds back.
func drawing(picture []string) string {
	var b strings.Builder
	b.WriteString("\x1b[?7l")
	for _, line := range picture {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J\x1b[?7h")
	return b.String()
}

// IsTerminal tells whether a stream is a character device other than the null device.
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
