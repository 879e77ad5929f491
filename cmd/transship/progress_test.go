package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// screen emulates a terminal with the escape sequences that cli.Console uses: cursor up, erase, and
// no line wrap.
type screen struct {
	t    testing.TB
	rows []string
	row  int
}

// Write implements io.Writer.
func (s *screen) Write(text []byte) (int, error) {
	rest := string(text)
	for rest != "" {
		var n int
		switch {
		case strings.HasPrefix(rest, "\x1b[?7l"), strings.HasPrefix(rest, "\x1b[?7h"):
			rest = rest[5:]
		case strings.HasPrefix(rest, "\x1b[J"):
			s.rows = s.rows[:min(s.row, len(s.rows))]
			rest = rest[3:]
		case strings.HasPrefix(rest, "\x1b["):
			if _, err := fmt.Sscanf(rest, "\x1b[%dA\r", &n); err != nil || n > s.row {
				s.t.Fatalf("cannot show %q in row %d", rest, s.row)
			}
			s.row -= n
			_, rest, _ = strings.Cut(rest, "\r")
		default:
			line, after, ok := strings.Cut(rest, "\n")
			if !ok || strings.Contains(strings.TrimSuffix(line, "\x1b[K"), "\x1b") {
				s.t.Fatalf("cannot show %q", rest)
			}
			s.rows = append(s.rows[:min(s.row, len(s.rows))], append([]string{strings.TrimSuffix(line, "\x1b[K")},
				s.rows[min(s.row+1, len(s.rows)):]...)...)
			s.row++
			rest = after
		}
	}
	return len(text), nil
}

func (s *screen) want(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.rows); diff != "" {
		s.t.Error(diff)
	}
}

func TestConsole(t *testing.T) {
	s := &screen{t: t}
	c := cli.NewConsole(s)
	c.Line("first")
	c.SetStatus([]string{"one", "two", "three"})
	s.want("first", "one", "two", "three")
	c.SetStatus([]string{"one, longer", "two"})
	s.want("first", "one, longer", "two")
	c.Line("second")
	s.want("first", "second", "one, longer", "two")
	c.SetStatus([]string{"1", "2", "3", "4"})
	s.want("first", "second", "1", "2", "3", "4")
	c.SetStatus(nil)
	c.SetStatus(nil)
	s.want("first", "second")
	c.Line("last")
	s.want("first", "second", "last")
}

// A copy at a terminal leaves one line, whenever progress was drawn.
func TestTerminalCopyLeavesOneLine(t *testing.T) {
	c := newCopySetup(t)
	s := &screen{t: t}
	a := run.New(cli.NewStreams(func(name string) string { return c.env[name] }, nil, &bytes.Buffer{}, s))
	a.Stderr.Terminal = true
	stop := image.NewProgress(a).Start()
	stop()
	if code := runLine(t.Context(), a, []string{"copy", c.src, c.dst}); code != 0 || len(s.rows) != 1 ||
		!strings.HasPrefix(s.rows[0], "copied ") {
		t.Errorf("exit code %d, the screen shows %q", code, s.rows)
	}
}
