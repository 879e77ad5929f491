package image

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// newPicture is progress as a terminal shows it, at time 0.
func newPicture() (*Progress, time.Time) {
	a := run.New(cli.NewStreams(func(string) string { return "xterm" }, nil, nil, io.Discard))
	a.Stderr.Terminal = true
	p := NewProgress(a)
	return p, p.began
}

// moving tells of a blob under way of which at bytes have been read.
func moving(t testing.TB, p *Progress, digit string, at, size int64) transfer.Event {
	t.Helper()
	d := manifest.Descriptor{Digest: blob.Digest("sha256:" + strings.Repeat(digit, 64)), Size: size}
	ev := transfer.Event{Kind: transfer.BlobFound, Descriptor: d, Meter: &blob.Meter{}}
	p.Event(ev)
	ev.Kind = transfer.BlobStarted
	p.Event(ev)
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
	p.Event(first)
	there := moving(t, p, "3", 0, 10e6)
	there.Kind, there.Outcome = transfer.BlobDone, blob.Exists
	p.Event(there)
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
	p.Event(ev)
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
		a := run.New(cli.NewStreams(func(string) string { return test.term }, nil, nil, io.Discard))
		a.Stderr.Terminal, a.Quiet, a.Verbose = test.terminal, test.quiet, test.verbose
		if got := NewProgress(a).live; got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
