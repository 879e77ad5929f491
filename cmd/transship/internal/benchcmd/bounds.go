package benchcmd

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
)

// What a benchmark may do without --yes.
const (
	benchMaxBytes = 1 << 30
	benchMaxTime  = time.Hour
)

// boundsError is a benchmark that is not begun, or not gone on with, without --yes.
type boundsError struct{ message string }

// Error says what is beyond the bounds.
func (e *boundsError) Error() string { return e.message }

// ExitCode implements [coded].
func (*boundsError) ExitCode() int { return cli.ExitRefused }

// Hint implements [hinted].
func (*boundsError) Hint() string { return "give --yes if that is meant" }

// distance is how far away a registry is, with what is guessed of such before anything was measured.
type distance struct {
	name    string
	rate    int64         // bytes per second
	latency time.Duration // of a call
}

func onThisMachine() distance { return distance{"this machine", 200e6, time.Millisecond} }

func onPrivate() distance { return distance{"a private network", 50e6, 5 * time.Millisecond} }

func onPublic() distance { return distance{"a public network", 10e6, 50 * time.Millisecond} }

// distanceOf finds out where a host[:port] is. A name is looked up, as the run will do; one that cannot be is taken for
// public.
func distanceOf(ctx context.Context, host string) distance {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(strings.TrimSuffix(name, "."), "[]"))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return onThisMachine()
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return distanceOfAll(a)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return onPublic()
	}
	return distanceOfAll(addresses...)
}

// distanceOfAll is that of the farthest of some addresses.
func distanceOfAll(addresses ...netip.Addr) distance {
	out := onThisMachine()
	for _, a := range addresses {
		switch a = a.Unmap(); {
		case a.IsLoopback():
		case !a.IsPrivate():
			return onPublic()
		default:
			out = onPrivate()
		}
	}
	if len(addresses) == 0 {
		return onPublic()
	}
	return out
}

// traffic returns how many bytes the run moves, and how many calls it makes, about.
func (c *benchCommand) traffic(at distance) (bytes, calls int64) {
	blobs := int64(len(c.sizes.sizes)+1) * int64(max(len(c.platforms), 1))
	image := int64(0)
	for _, size := range c.sizes.sizes {
		image = saturated(image, 1, size)
	}
	image = saturated(0, int64(max(len(c.platforms), 1)), image)
	turns := saturated(0, int64(len(c.cells())), c.rounds())
	stocks, moves := turns, turns // images that are put in place, and that are moved by the turns themselves
	if c.warm || c.kind == bench.Resolve {
		stocks = 1
	}
	switch c.kind {
	case bench.Push:
		stocks, moves = 0, stocks
	case bench.Copy:
		moves = saturated(0, 2, stocks)
	case bench.Mount, bench.Resolve:
		moves = 0
	}
	bytes = saturated(saturated(0, stocks, image), moves, image)
	if c.limit && at != onThisMachine() {
		bytes = saturated(bytes, int64(len(c.widths())+1), limitBytes)
	}
	calls = saturated(0, turns, 2*blobs)
	if c.kind == bench.Resolve {
		calls = saturated(0, turns, saturated(0, 2, int64(c.requests)))
	}
	return bytes, calls
}

// rounds is how many there are, with those before that are not measured.
func (c *benchCommand) rounds() int64 { return saturated(int64(c.count), 1, int64(c.warmups)) }

// saturated returns sum + n*each, or the largest number where that is larger.
func saturated(sum, n, each int64) int64 {
	if n > 0 && each > (math.MaxInt64-sum)/n {
		return math.MaxInt64
	}
	return sum + n*each
}

// announce says what the run is going to do, and refuses what is beyond the bounds.
func (c *benchCommand) announce(r *run.Run, at distance, host string) error {
	bytes, calls := c.traffic(at)
	seconds := float64(bytes)/float64(at.rate) + float64(calls)*at.latency.Seconds()/float64(c.fewestJobs())
	rounds := int(c.rounds())
	r.Note("%d round%s of %d combination%s: about %s to move in all, and about %s if %s moves %s a second",
		rounds, cli.Plural(rounds), len(c.cells()), cli.Plural(len(c.cells())), cli.FormatBytes(bytes), formatSeconds(seconds), at.name, cli.FormatBytes(at.rate))
	switch {
	case c.yes:
	case bytes > benchMaxBytes:
		return &boundsError{fmt.Sprintf("this moves about %s, which is more than 1 GiB", cli.FormatBytes(bytes))}
	case seconds > benchMaxTime.Seconds():
		return &boundsError{fmt.Sprintf("this takes about %s, which is more than an hour", formatSeconds(seconds))}
	case at == onPublic():
		return &boundsError{fmt.Sprintf("%s is not on this machine or a private network", host)}
	}
	return nil
}

// warmed says how long the run still takes, as the warm-up shows, and ends one that would take too long.
func (c *benchCommand) warmed(r *run.Run, round time.Duration) error {
	left := round.Seconds() * float64(c.count)
	r.Note("a round takes %s: about %s to go", cli.FormatDuration(round), formatSeconds(left))
	if !c.yes && left > benchMaxTime.Seconds() {
		return &boundsError{fmt.Sprintf("this takes about %s more, which is more than an hour", formatSeconds(left))}
	}
	return nil
}

func (c *benchCommand) fewestJobs() int {
	least := math.MaxInt
	for _, cell := range c.cells() {
		least = min(least, cmp.Or(cell.Jobs, transfer.DefaultJobs))
	}
	return least
}

// formatSeconds writes a time that may be longer than a time.Duration holds.
func formatSeconds(s float64) string {
	const year = 365 * 24 * 3600
	if s > year {
		return fmt.Sprintf("%.0f years", s/year)
	}
	return cli.FormatDuration(time.Duration(s * float64(time.Second)))
}
