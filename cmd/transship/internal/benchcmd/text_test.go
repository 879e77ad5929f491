package benchcmd

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

func TestCellText(t *testing.T) {
	cell := bench.Cell{Jobs: 4}
	for _, test := range []struct {
		summary bench.Summary
		want    string
	}{
		{
			bench.Summary{
				Cell: cell, Speed: bench.Spread{Min: 1e6, Median: 2e6, Max: 3e6}, Calls: bench.Spread{Median: 8},
			},
			"push jobs=4: 2.0 MB/s (1.0 to 3.0), 8 calls",
		},
		{
			bench.Summary{
				Cell: cell, Op: bench.Spread{Min: 1000, Median: 2e6, Max: 3e9}, Calls: bench.Spread{Median: 0.5},
				TTFB: []time.Duration{time.Millisecond}, TimesFloor: 1.5,
			},
			"push jobs=4: 2.0 ms each (0.001 to 3000), 0.5 calls, first byte after 1.0ms, p99 1.0ms; " +
				"1.50 times the minimum",
		},
	} {
		if got := cellText(bench.Push, test.summary); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestLimitText(t *testing.T) {
	rate := func(n int, bytes int64) bench.Rate { return bench.Rate{N: n, Bytes: bytes, Elapsed: time.Second} }
	got := limitText(&bench.Report{Limit: &bench.Baseline{
		Over: "plain TCP", Link: []bench.Rate{rate(1, 1e6), rate(6, 5e6)}, Hash: []bench.Rate{rate(1, 2e9)},
	}})
	want := "the minimum: plain TCP 1.0 MB/s on 1 connection, 5.0 MB/s on 6 connections; SHA-256 2.0 GB/s on 1 processor"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The notes say when less was measured than the command is for.
func TestNoteResults(t *testing.T) {
	for _, test := range []struct {
		kind  bench.Kind
		warm  bool
		moved bench.Moved
		want  string // "" for no note
	}{
		{bench.Push, false, bench.Moved{Blobs: 6}, ""},
		{bench.Push, false, bench.Moved{Blobs: 6, Present: 2}, "2 of 6 blobs were already there"},
		{bench.Push, true, bench.Moved{Blobs: 6, Present: 6}, ""},
		{bench.Pull, false, bench.Moved{Blobs: 6, Present: 6}, ""},
		{bench.Copy, false, bench.Moved{Blobs: 6, Mounted: 5}, "5 of 6 blobs were mounted"},
		{bench.Mount, false, bench.Moved{Blobs: 6, Mounted: 6}, ""},
		{bench.Mount, false, bench.Moved{Blobs: 6, Mounted: 3, Present: 1}, "2 of 6 blobs were not mounted but sent"},
	} {
		c := newCommand(test.kind)
		c.warm = test.warm
		var notes bytes.Buffer
		c.noteResults(newRun(&notes), &bench.Report{
			Origin: bench.Origin{Kind: test.kind}, Cells: []bench.Cell{{Jobs: 1}}, Samples: []bench.Sample{{Moved: test.moved}},
		})
		lines := strings.Split(strings.TrimSpace(notes.String()), "\n")
		if !strings.HasPrefix(lines[0], string(test.kind)+" jobs=1: ") {
			t.Errorf("%s: the first line is %q", test.kind, lines[0])
		}
		switch rest := strings.Join(lines[1:], "\n"); {
		case test.want == "" && rest != "":
			t.Errorf("%s of %+v: it says %q", test.kind, test.moved, rest)
		case !strings.Contains(rest, test.want):
			t.Errorf("%s of %+v: it says %q, not %q", test.kind, test.moved, rest, test.want)
		}
	}
}

func TestNoteLeft(t *testing.T) {
	var notes bytes.Buffer
	noteLeft(newRun(&notes), []bench.Leftover{
		{Repository: "r/x", Manifests: 1, Blobs: 2, Bytes: 1500, Reason: errors.New("405\nMethod Not Allowed")},
	})
	want := "left on r/x: 1 manifest, 2 blobs of 1.5 kB: 405; Method Not Allowed\n"
	if got := notes.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
