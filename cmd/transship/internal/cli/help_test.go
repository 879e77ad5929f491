package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReflow(t *testing.T) {
	text := `one two three
four five

A term has its text in a column:
  a     first
  long  a text that is longer than the line
  a-term-that-is-wide  text
  no text
after`
	want := `one two three four
five

A term has its text
in a column:
  a     first
  long  a text that
        is longer
        than the
        line
  a-term-that-is-wide
      text
  no text
after
`
	if diff := cmp.Diff(want, Reflow(text, 20)); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsInColumns(t *testing.T) {
	rows := []FlagRow{
		{"quiet", "-q, --quiet", "", "say less than usual and never more than that, not even once"},
		{"much-too-long", "--much-too-long", "value", "short"},
	}
	for width, want := range map[int]string{
		60: "" +
			"  -q, --quiet             say less than usual and never more\n" +
			"                          than that, not even once\n" +
			"      --much-too-long value\n" +
			"                          short\n",
		40: "" +
			"  -q, --quiet\n" +
			"          say less than usual and never\n" +
			"          more than that, not even once\n" +
			"      --much-too-long value\n" +
			"          short\n",
	} {
		var b strings.Builder
		WriteFlags(&b, rows, width)
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("width %d:\n%s", width, diff)
		}
	}
}

// Without a number in COLUMNS, and without a terminal, help has 80 characters.
func TestWidth(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for columns, want := range map[string]int{
		"": 80, "0": 80, "-5": 80, "many": 80, "99999999999999999999": 80, "120": 120, "100": 100, "7": 40,
	} {
		for _, out := range []io.Writer{new(bytes.Buffer), null, nil} {
			s := NewStreams(func(string) string { return columns }, nil, out, nil)
			if got := s.Width(); got != want {
				t.Errorf("COLUMNS=%q: %d, want %d", columns, got, want)
			}
		}
	}
}
