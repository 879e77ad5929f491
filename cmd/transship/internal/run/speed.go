package run

import (
	"flag"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// speed is how fast a run may go.
type speed struct {
	jobs       *cli.Count // the command's, if it has any
	ranges     cli.Count
	rate       cli.ByteRate
	stall      cli.StallTimeout
	pace       blob.Pace
	congestion wire.Congestion
}

// JobsFlag registers --jobs of a command that does something with blobs.
func (r *Run) JobsFlag(fs *flag.FlagSet, jobs *cli.Count, does string) {
	r.speed.jobs = jobs
	fs.Var(jobs, "jobs", fmt.Sprintf("%s `N` blobs at a time (default: as many as the registries take, up to %d, and beside them %d of less than %d MiB)",
		does, transfer.DefaultJobs, transfer.SmallJobs, blob.LargeSize>>20))
}

// SendFlags registers what all commands have in common that bring images to registries: --jobs, --chunk-size, --rate, --stall
// and --plan.
func (r *Run) SendFlags(fs *flag.FlagSet, to *Remote, jobs *cli.Count, does string) {
	r.JobsFlag(fs, jobs, does)
	fs.Var(&to.chunk, "chunk-size", "upload in chunks of this `size`, such as 8MiB (default: each blob in one request)")
	r.PaceFlags(fs)
	r.PlanFlag(fs)
}

// RangesFlag registers --ranges of a command that reads blobs of registries.
func (r *Run) RangesFlag(fs *flag.FlagSet) {
	fs.Var(&r.speed.ranges, "ranges", "fetch each blob of 32 MiB and more in `N` ranges at a time, at most 64, 1 for none (default: where one connection is slow)")
}

// ranges is how many ranges of a blob are read at once, 0 where that is found out. A plan reads none.
func (r *Run) ranges() int {
	if r.Planning() {
		return 1
	}
	return int(r.speed.ranges)
}

// PaceFlags registers --rate and --stall.
func (r *Run) PaceFlags(fs *flag.FlagSet) {
	fs.Var(&r.speed.rate, "rate", "move no more than `bytes` of blobs a second, such as 20MiB/s, all together; each byte counts once")
	fs.Var(&r.speed.stall, "stall", fmt.Sprintf("give up a connection that moves nothing for a `time`, such as 30s, and try again (default %s)", wire.DefaultStall))
}

// pace is what --rate says.
func (r *Run) pace() *blob.Pace {
	s := &r.speed
	s.pace.Rate = int64(s.rate)
	return &s.pace
}

// congestion is what is known of how many calls the hosts take, nil where --jobs says how many there are.
func (r *Run) congestion(on *Remote) *wire.Congestion {
	s := &r.speed
	if on.Unlimited || s.jobs != nil && *s.jobs > 0 {
		return nil
	}
	return &s.congestion
}

// ResetCongestion has nothing known of the hosts any more. No call may be under way.
func (r *Run) ResetCongestion() { r.speed.congestion = wire.Congestion{OnLow: r.runsLow} }

// runsLow says why it goes slowly from here.
func (r *Run) runsLow(host string, left int) {
	r.Note("%s: %d calls are left of what it allows; manifests are read one at a time", host, left)
}
