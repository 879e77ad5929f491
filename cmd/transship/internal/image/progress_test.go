package image

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// newTerminalProgress returns the progress of a run on a terminal, and its start.
func newTerminalProgress() (*Progress, time.Time) {
	r := run.New(cli.NewStreams(func(string) string { return "xterm" }, nil, nil, io.Discard))
	r.Stderr.Terminal = true
	p := NewProgress(r)
	return p, p.began
}

// start starts a blob of which pos bytes have been read.
func start(t testing.TB, p *Progress, digit string, pos, size int64) transfer.Event {
	t.Helper()
	d := manifest.Descriptor{Digest: blob.Digest("sha256:" + strings.Repeat(digit, 64)), Size: size}
	ev := transfer.Event{Kind: transfer.BlobFound, Descriptor: d, Meter: &blob.Meter{}}
	p.Event(ev)
	ev.Kind = transfer.BlobStarted
	p.Event(ev)
	read(t, ev, pos)
	return ev
}

// read moves a blob's meter to pos.
func read(t testing.TB, ev transfer.Event, pos int64) {
	t.Helper()
	open := ev.Meter.Wrap(func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("")), nil
	})
	if _, err := open(t.Context(), pos); err != nil {
		t.Fatal(err)
	}
}

func TestStatusLines(t *testing.T) {
	p, began := newTerminalProgress()
	show := func(after time.Duration, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, p.statusLines(began.Add(after))); diff != "" {
			t.Errorf("after %s\n%s", after, diff)
		}
	}
	show(0)
	first := start(t, p, "2", 0, 40e6)
	show(0, "  sha256:222222222222  [                    ]  0 B of 40 MB", "  total 0 B of 40 MB")
	read(t, first, 10e6)
	start(t, p, "1", 0, 60e6)
	p.active[first.Descriptor.Digest].since = began.Add(-time.Second) // the longest comes first
	show(2*time.Second,
		"  sha256:222222222222  [=====               ]  10 MB of 40 MB",
		"  sha256:111111111111  [                    ]  0 B of 60 MB",
		"  total 10 MB of 100 MB, 5.0 MB/s, 18s left")
	first.Kind, first.Outcome = transfer.BlobDone, blob.Uploaded
	p.Event(first)
	there := start(t, p, "3", 0, 10e6)
	there.Kind, there.Outcome = transfer.BlobDone, blob.Exists
	p.Event(there)
	show(4*time.Second,
		"  sha256:111111111111  [                    ]  0 B of 60 MB",
		"  total 50 MB of 110 MB, 10 MB/s, 6s left") // blobs that the target has already do not count for the rate
	show(13*time.Second,
		"  sha256:111111111111  [                    ]  0 B of 60 MB",
		"  total 50 MB of 110 MB") // nothing came for ten seconds
}

func TestStatusLinesOfManyBlobs(t *testing.T) {
	p, began := newTerminalProgress()
	for _, digit := range strings.Split("0123456789abcdef", "") {
		start(t, p, digit, 1, 2)
	}
	lines := p.statusLines(began)
	if len(lines) != maxBlobLines+2 || lines[maxBlobLines] != "  and 6 more" || lines[maxBlobLines+1] != "  total 16 B of 32 B" {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-2:])
	}
	for _, line := range lines {
		if len(line) > 79 {
			t.Errorf("%q is too wide", line)
		}
	}
}

func TestFailedBlobLeavesTheStatusLines(t *testing.T) {
	p, began := newTerminalProgress()
	ev := start(t, p, "1", 5, 10)
	ev.Kind = transfer.BlobFailed
	p.Event(ev)
	if diff := cmp.Diff([]string{"  total 0 B of 10 B"}, p.statusLines(began)); diff != "" {
		t.Error(diff)
	}
}

func TestBar(t *testing.T) {
	for want, args := range map[string][2]int64{
		"[                    ]": {0, 100},
		"[==========          ]": {50, 100},
		"[=================== ]": {99, 100},
		"[====================]": {0, 0},
	} {
		if got := bar(args[0], args[1]); got != want {
			t.Errorf("bar(%d, %d) = %s, want %s", args[0], args[1], got, want)
		}
	}
	for _, args := range [][2]int64{{-5, 10}, {20, 10}, {1 << 62, 1 << 62}} {
		if got := bar(args[0], args[1]); len(got) != 22 {
			t.Errorf("bar(%d, %d) = %s", args[0], args[1], got)
		}
	}
}

func TestWhenThereAreStatusLines(t *testing.T) {
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
		r := run.New(cli.NewStreams(func(string) string { return test.term }, nil, nil, io.Discard))
		r.Stderr.Terminal, r.Quiet, r.Verbose = test.terminal, test.quiet, test.verbose
		if got := NewProgress(r).live; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Where no status lines can be drawn, a long copy prints the total each minute, and nothing under --quiet.
func TestTotalEachMinute(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			r := run.New(cli.NewStreams(func(string) string { return "" }, nil, nil, &out))
			r.Quiet = quiet
			p := NewProgress(r)
			stop := p.Start()
			time.Sleep(90 * time.Second) // nothing is known yet
			ev := start(t, p, "1", 15e6, 60e6)
			time.Sleep(60 * time.Second)
			read(t, ev, 30e6)
			time.Sleep(60 * time.Second)
			stop()
			want := "total 15 MB of 60 MB, 125 kB/s, 6m0s left\ntotal 30 MB of 60 MB, 250 kB/s, 2m0s left\n"
			if quiet {
				want = ""
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
