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

// The bounds of a benchmark without --yes.
const (
	maxBytes = 1 << 30
	maxTime  = time.Hour
)

// boundsError says that a benchmark would exceed the bounds. It is not started, or not continued.
type boundsError struct{ message string }

// Error says which bound it is.
func (e *boundsError) Error() string { return e.message }

// ExitCode returns [cli.ExitRefused].
func (*boundsError) ExitCode() int { return cli.ExitRefused }

// Hint names --yes.
func (*boundsError) Hint() string { return "give --yes to do it anyway" }

// distance is how far away a registry is, with a guess of its speed for the estimate before the
// run.
type distance struct {
	name    string
	rate    int64         // bytes per second
	latency time.Duration // of one call
}

func onThisMachine() distance { return distance{"this machine", 200e6, time.Millisecond} }

func onPrivate() distance { return distance{"a private network", 50e6, 5 * time.Millisecond} }

func onPublic() distance { return distance{"a public network", 10e6, 50 * time.Millisecond} }

// distanceOf returns the distance of a host[:port]. It looks a name up, as the run will do; one
// that does not resolve counts as public.
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
		return farthest(a)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return onPublic()
	}
	return farthest(addresses...)
}

// farthest returns the distance of the farthest address; without addresses it is public.
func farthest(addresses ...netip.Addr) distance {
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

// farthestOf returns the distance of the farthest target that is not on this machine, and its host.
func farthestOf(ctx context.Context, t *targets) (at distance, host string) {
	at = onThisMachine()
	for _, ref := range t.refs {
		if d := distanceOf(ctx, ref.Host()); d.rate < at.rate {
			at, host = d, ref.Domain
		}
	}
	return at, host
}

// traffic estimates how many bytes the run moves and how many calls it makes.
func (c *benchCommand) traffic(at distance) (bytes, calls int64) {
	blobs := int64(len(c.sizes.sizes)+1) * int64(max(len(c.platforms), 1))
	image := int64(0)
	for _, size := range c.sizes.sizes {
		image = mulAdd(image, 1, size)
	}
	image = mulAdd(0, int64(max(len(c.platforms), 1)), image)
	turns := mulAdd(0, int64(len(c.cells())), c.rounds())
	prepared, moved := turns, turns // images pushed before the turns, and images that the turns move
	if c.warm || c.kind == bench.Resolve {
		prepared = 1
	}
	switch c.kind {
	case bench.Push:
		prepared, moved = 0, prepared
	case bench.Copy:
		moved = mulAdd(0, 2, prepared)
	case bench.Mount, bench.Resolve:
		moved = 0
	}
	bytes = mulAdd(mulAdd(0, prepared, image), moved, image)
	if c.limit && at != onThisMachine() {
		bytes = mulAdd(bytes, int64(len(c.connections())+1), linkBytes)
	}
	calls = mulAdd(0, turns, 2*blobs)
	if c.kind == bench.Resolve {
		calls = mulAdd(0, turns, mulAdd(0, 2, int64(c.requests)))
	}
	return bytes, calls
}

// rounds is the number of rounds, with the warm-ups.
func (c *benchCommand) rounds() int64 { return mulAdd(int64(c.count), 1, int64(c.warmups)) }

// mulAdd returns sum + n*each, or math.MaxInt64 if that overflows.
func mulAdd(sum, n, each int64) int64 {
	if n > 0 && each > (math.MaxInt64-sum)/n {
		return math.MaxInt64
	}
	return sum + n*each
}

// announce prints an estimate of the run against the farthest registry, host, and refuses a run
// that exceeds the bounds.
func (c *benchCommand) announce(r *run.Run, at distance, host string) error {
	bytes, calls := c.traffic(at)
	seconds := float64(bytes)/float64(at.rate) + float64(calls)*at.latency.Seconds()/float64(c.minJobs())
	rounds, cells := int(c.rounds()), len(c.cells())
	r.Note("%d round%s of %d combination%s: about %s to move in all, in about %s if %s moves %s a second",
		rounds, cli.Plural(rounds), cells, cli.Plural(cells),
		cli.FormatBytes(bytes), formatSeconds(seconds), at.name, cli.FormatBytes(at.rate))
	switch {
	case c.yes:
	case bytes > maxBytes:
		return &boundsError{fmt.Sprintf("this moves about %s, which is more than 1 GiB", cli.FormatBytes(bytes))}
	case seconds > maxTime.Seconds():
		return &boundsError{fmt.Sprintf("this takes about %s, which is more than an hour", formatSeconds(seconds))}
	case at == onPublic():
		return &boundsError{fmt.Sprintf("%s is not on this machine or a private network", host)}
	}
	return nil
}

// afterWarmup prints how long the run still takes, judged by a warm-up round, and refuses to
// continue a run that exceeds the bounds.
func (c *benchCommand) afterWarmup(r *run.Run, round time.Duration) error {
	left := round.Seconds() * float64(c.count)
	r.Note("a round takes %s: about %s left", cli.FormatDuration(round), formatSeconds(left))
	if !c.yes && left > maxTime.Seconds() {
		return &boundsError{fmt.Sprintf("this takes about %s more, which is more than an hour", formatSeconds(left))}
	}
	return nil
}

// minJobs is the smallest number of jobs of all combinations.
func (c *benchCommand) minJobs() int {
	jobs := math.MaxInt
	for _, cell := range c.cells() {
		jobs = min(jobs, cmp.Or(cell.Jobs, transfer.DefaultJobs))
	}
	return jobs
}

// formatSeconds formats a time that may overflow a [time.Duration].
func formatSeconds(s float64) string {
	const year = 365 * 24 * 3600
	if s > year {
		return fmt.Sprintf("%.0f years", s/year)
	}
	return cli.FormatDuration(time.Duration(s * float64(time.Second)))
}
