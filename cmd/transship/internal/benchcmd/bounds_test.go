package benchcmd

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// newRun returns a run whose notes go to stderr.
func newRun(stderr io.Writer) *run.Run {
	return run.New(cli.NewStreams(func(string) string { return "" }, nil, io.Discard, stderr))
}

// command returns a command for images of layers of 1 MiB.
func command(t *testing.T, kind bench.Kind, layers cli.Count) *benchCommand {
	t.Helper()
	c := newCommand(kind)
	c.layers = layers
	if err := errors.Join(c.sizes.Set("1MiB"), c.applyDefaults()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDistanceOf(t *testing.T) {
	for host, want := range map[string]distance{
		"localhost:5000": onThisMachine(), "LOCALHOST": onThisMachine(), "x.localhost:1": onThisMachine(),
		"127.0.0.2:5000": onThisMachine(), "[::1]:5000": onThisMachine(), "[::ffff:127.0.0.1]:1": onThisMachine(),
		"10.1.2.3": onPrivate(), "192.168.0.1:5000": onPrivate(), "[fd00::1]:5000": onPrivate(),
		"203.0.113.7": onPublic(), "[2001:db8::1]:443": onPublic(), "169.254.1.1": onPublic(),
	} {
		if got := distanceOf(t.Context(), host); got != want {
			t.Errorf("%s is on %s", host, got.name)
		}
	}
	if farthest() != onPublic() {
		t.Error("a name without addresses is not public")
	}
}

// Each kind pushes an image before each turn if the turn reads it, and a copy writes what it reads.
func TestTraffic(t *testing.T) {
	const image = 2 << 20 // two layers
	for _, test := range []struct {
		kind         bench.Kind
		warm         bool
		bytes, calls int64
	}{
		{bench.Push, false, 7 * image, 7 * 6},
		{bench.Push, true, image, 7 * 6},
		{bench.Pull, false, 2 * 7 * image, 7 * 6},
		{bench.Pull, true, 8 * image, 7 * 6},
		{bench.Copy, false, 3 * 7 * image, 7 * 6},
		{bench.Copy, true, 3 * image, 7 * 6},
		{bench.Mount, false, 7 * image, 7 * 6},
		{bench.Resolve, false, image, 7 * 200},
	} {
		c := command(t, test.kind, 2) // six rounds and a warm-up
		c.warm = test.warm
		if bytes, calls := c.traffic(onThisMachine()); bytes != test.bytes || calls != test.calls {
			t.Errorf("%s, warm %v: %d bytes and %d calls, want %d and %d",
				test.kind, test.warm, bytes, calls, test.bytes, test.calls)
		}
	}
}

// Measuring the limit of a link moves bytes; that of loopback counts for none.
func TestTrafficOfLimit(t *testing.T) {
	c := command(t, bench.Push, 1)
	c.limit = true
	near, _ := c.traffic(onThisMachine())
	far, _ := c.traffic(onPrivate())
	if want := int64(len(c.connections())+1) * linkBytes; near != 7<<20 || far-near != want {
		t.Errorf("%d bytes on this machine and %d on a private network, want %d more", near, far, want)
	}
}

func TestTrafficDoesNotOverflow(t *testing.T) {
	c := command(t, bench.Copy, 2)
	c.count = math.MaxInt
	if bytes, calls := c.traffic(onPublic()); bytes != math.MaxInt64 || calls != math.MaxInt64 {
		t.Errorf("%d bytes and %d calls", bytes, calls)
	}
}

func TestAnnounce(t *testing.T) {
	for _, test := range []struct {
		name   string
		at     distance
		change func(*benchCommand)
		want   string // the error
	}{
		{"within the bounds", onPrivate(), func(*benchCommand) {}, ""},
		{"too many bytes", onThisMachine(), func(c *benchCommand) { c.count = 1024 }, "this moves about 1.1 GB"},
		{"too long", onPrivate(), func(c *benchCommand) { c.kind, c.requests = bench.Resolve, 1e6 }, "this takes "},
		{"too far", onPublic(), func(*benchCommand) {}, "HOST is not on this machine"},
		{"too much with --yes", onPublic(), func(c *benchCommand) { c.count, c.yes = 1024, true }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := command(t, bench.Push, 1)
			test.change(c)
			var notes bytes.Buffer
			err := c.announce(newRun(&notes), test.at, "HOST")
			if !strings.Contains(notes.String(), "of 1 combination: about ") {
				t.Errorf("it says %q", notes.String())
			}
			if test.want == "" {
				if err != nil {
					t.Errorf("got error %v", err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || run.ExitCode(err) != cli.ExitRefused {
				t.Errorf("got error %v, want %s", err, test.want)
			}
			if hint, _ := cli.HintOf(err); !strings.Contains(hint, "--yes") {
				t.Errorf("the hint is %q", hint)
			}
		})
	}
}

func TestAfterWarmup(t *testing.T) {
	c := command(t, bench.Push, 1) // six rounds
	var notes bytes.Buffer
	if err := c.afterWarmup(newRun(&notes), 10*time.Second); err != nil {
		t.Error(err)
	}
	if got := notes.String(); !strings.Contains(got, "10s") || !strings.Contains(got, "about 1m0s left") {
		t.Errorf("it says %q", got)
	}
	err := c.afterWarmup(newRun(io.Discard), 11*time.Minute)
	if err == nil || !strings.HasPrefix(err.Error(), "this takes about 1h6m0s more") {
		t.Errorf("of a round of 11 minutes: %v", err)
	}
	c.yes = true
	if err := c.afterWarmup(newRun(io.Discard), 11*time.Minute); err != nil {
		t.Errorf("with --yes: %v", err)
	}
}

func TestFormatSeconds(t *testing.T) {
	for s, want := range map[float64]string{1.5: "1.5s", 3600: "1h0m0s", 1e18: "31709791984 years"} {
		if got := formatSeconds(s); got != want {
			t.Errorf("%g: got %s, want %s", s, got, want)
		}
	}
}
