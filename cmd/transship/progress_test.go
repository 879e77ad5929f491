package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// screen shows what a terminal shows that understands what a console writes: moving up, erasing, and not wrapping.
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
			s.rows = append(s.rows[:min(s.row, len(s.rows))], append([]string{strings.TrimSuffix(line, "\x1b[K")}, s.rows[min(s.row+1, len(s.rows)):]...)...)
			s.row++
			rest = after
		}
	}
	return len(text), nil
}

func (s *screen) shows(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.rows); diff != "" {
		s.t.Error(diff)
	}
}

func TestConsole(t *testing.T) {
	s := &screen{t: t}
	c := newConsole(s)
	c.line("first")
	c.draw([]string{"one", "two", "three"})
	s.shows("first", "one", "two", "three")
	c.draw([]string{"one, longer", "two"})
	s.shows("first", "one, longer", "two")
	c.line("second")
	s.shows("first", "second", "one, longer", "two")
	c.draw([]string{"1", "2", "3", "4"})
	s.shows("first", "second", "1", "2", "3", "4")
	c.draw(nil)
	c.draw(nil)
	s.shows("first", "second")
	c.line("last")
	s.shows("first", "second", "last")
}

// newPicture is progress as a terminal shows it, at time 0.
func newPicture() (*progress, time.Time) {
	a := newApp(newStreams(func(string) string { return "xterm" }, nil, nil, io.Discard))
	a.stderr.terminal = true
	p := newProgress(a)
	return p, p.began
}

// moving tells of a blob under way of which at bytes have been read.
func moving(t testing.TB, p *progress, digit string, at, size int64) transfer.Event {
	t.Helper()
	d := manifest.Descriptor{Digest: blob.Digest("sha256:" + strings.Repeat(digit, 64)), Size: size}
	ev := transfer.Event{Kind: transfer.BlobFound, Descriptor: d, Meter: &blob.Meter{}}
	p.event(ev)
	ev.Kind = transfer.BlobStarted
	p.event(ev)
	read(t, ev, at)
	return ev
}

// read moves a blob's meter.
func read(t testing.TB, ev transfer.Event, at int64) {
	t.Helper()
	open := ev.Meter.Watch(func(context.Context, int64) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil })
	if _, err := open(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

func TestPicture(t *testing.T) {
	p, start := newPicture()
	show := func(after time.Duration, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, p.picture(start.Add(after))); diff != "" {
			t.Errorf("after %s\n%s", after, diff)
		}
	}
	show(0)
	first := moving(t, p, "2", 0, 40e6)
	show(0, "  sha256:222222222222  [                    ]  0 B of 40 MB", "  total 0 B of 40 MB")
	read(t, first, 10e6)
	moving(t, p, "1", 0, 60e6)
	p.moving[first.Descriptor.Digest].since = start.Add(-time.Second) // the longest under way comes first
	show(2*time.Second,
		"  sha256:222222222222  [=====               ]  10 MB of 40 MB",
		"  sha256:111111111111  [                    ]  0 B of 60 MB",
		"  total 10 MB of 100 MB, 5.0 MB/s, 18s left")
	first.Kind, first.Outcome = transfer.BlobDone, blob.Uploaded
	p.event(first)
	there := moving(t, p, "3", 0, 10e6)
	there.Kind, there.Outcome = transfer.BlobDone, blob.Exists
	p.event(there)
	show(4*time.Second,
		"  sha256:111111111111  [                    ]  0 B of 60 MB",
		"  total 50 MB of 110 MB, 10 MB/s, 6s left") // what was there already was not sent
	show(13*time.Second,
		"  sha256:111111111111  [                    ]  0 B of 60 MB",
		"  total 50 MB of 110 MB") // nothing came for ten seconds
}

func TestPictureOfMany(t *testing.T) {
	p, start := newPicture()
	for _, digit := range strings.Split("0123456789abcdef", "") {
		moving(t, p, digit, 1, 2)
	}
	lines := p.picture(start)
	if len(lines) != mostLines+2 || lines[mostLines] != "  and 6 more" || lines[mostLines+1] != "  total 16 B of 32 B" {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-2:])
	}
	for _, line := range lines {
		if len(line) > 79 {
			t.Errorf("%q is too wide", line)
		}
	}
}

func TestFailedBlobLeavesThePicture(t *testing.T) {
	p, start := newPicture()
	ev := moving(t, p, "1", 5, 10)
	ev.Kind = transfer.BlobFailed
	p.event(ev)
	if diff := cmp.Diff([]string{"  total 0 B of 10 B"}, p.picture(start)); diff != "" {
		t.Error(diff)
	}
}

func TestBar(t *testing.T) {
	for want, at := range map[string][2]int64{
		"[                    ]": {0, 100}, "[==========          ]": {50, 100}, "[=================== ]": {99, 100}, "[====================]": {0, 0},
	} {
		if got := bar(at[0], at[1]); got != want {
			t.Errorf("bar(%d, %d) = %s, want %s", at[0], at[1], got, want)
		}
	}
	for _, at := range [][2]int64{{-5, 10}, {20, 10}, {1 << 62, 1 << 62}} {
		if got := bar(at[0], at[1]); len(got) != 22 {
			t.Errorf("bar(%d, %d) = %s", at[0], at[1], got)
		}
	}
}

// A copy that a person watches leaves one line, wherever the pictures came.
func TestWatchedCopy(t *testing.T) {
	v := newVoyage(t)
	s := &screen{t: t}
	a := newApp(newStreams(func(name string) string { return v.env[name] }, nil, &bytes.Buffer{}, s))
	a.stderr.terminal = true
	stop := newProgress(a).start()
	stop()
	if code := runLine(t.Context(), a, []string{"copy", v.src, v.dst}); code != 0 || len(s.rows) != 1 || !strings.HasPrefix(s.rows[0], "copied ") {
		t.Errorf("exit code %d, the screen shows %q", code, s.rows)
	}
}

func TestWhoGetsPictures(t *testing.T) {
	for name, test := range map[string]struct {
		terminal, quiet, verbose bool
		term                     string
		want                     bool
	}{
		"terminal": {terminal: true, term: "xterm", want: true},
		"no TERM":  {terminal: true, want: true},
		"dumb":     {terminal: true, term: "dumb"},
		"pipe":     {term: "xterm"},
		"quiet":    {terminal: true, term: "xterm", quiet: true},
		"verbose":  {terminal: true, term: "xterm", verbose: true},
	} {
		a := newApp(newStreams(func(string) string { return test.term }, nil, nil, io.Discard))
		a.stderr.terminal, a.quiet, a.verbose = test.terminal, test.quiet, test.verbose
		if got := newProgress(a).live; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCallLine(t *testing.T) {
	for want, c := range map[string]wire.Call{
		"200 GET      12.3ms http://r/v2/ received 7 B":          {StatusCode: 200, Method: "GET", URL: "http://r/v2/", Duration: 12345 * time.Microsecond, Received: 7, Attempt: 1},
		"--- HEAD      0.0ms http://r/v2/ attempt 3 no; answer":  {Method: "HEAD", URL: "http://r/v2/", Attempt: 3, Err: errors.New("no\nanswer")},
		"201 PUT    1000.0ms http://r/v2/ sent 1.5 MB attempt 2": {StatusCode: 201, Method: "PUT", URL: "http://r/v2/", Duration: time.Second, Sent: 1_500_000, Attempt: 2},
	} {
		if got := callLine(c); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestTerminals(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for _, stream := range []any{null, file, &bytes.Buffer{}, nil} {
		if isTerminal(stream) {
			t.Errorf("%v is no terminal", stream)
		}
	}
}

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9960: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB", 45_600_000: "46 MB", 7_300_000_000: "7.3 GB", 1 << 62: "4.6 EB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("formatBytes(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{1234 * time.Microsecond: "1ms", 59*time.Second + 949*time.Millisecond: "59.9s", 90 * time.Second: "1m30s", 3*time.Hour + 100*time.Millisecond: "3h0m0s"} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%d) = %s, want %s", d, got, want)
		}
	}
}
