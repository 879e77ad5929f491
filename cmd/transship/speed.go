package main

import (
	"flag"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// speed is how fast a run may go.
type speed struct {
	jobs       *count // the command's, if it has any
	ranges     count
	rate       byteRate
	stall      stall
	pace       blob.Pace
	congestion wire.Congestion
}

// jobsFlag registers --jobs of a command that does something with blobs.
func (a *app) jobsFlag(fs *flag.FlagSet, jobs *count, does string) {
	a.speed.jobs = jobs
	fs.Var(jobs, "jobs", fmt.Sprintf("%s `N` blobs at a time (default: as many as the registries take, up to %d, and beside them %d of less than %d MiB)",
		does, transfer.DefaultJobs, transfer.SmallJobs, transfer.SmallBlob>>20))
}

// sendFlags registers what all commands have in common that bring images to registries: --jobs, --chunk-size, --rate, --stall
// and --plan.
func (a *app) sendFlags(fs *flag.FlagSet, to *remote, jobs *count, does string) {
	a.jobsFlag(fs, jobs, does)
	fs.Var(&to.chunk, "chunk-size", "upload in chunks of this `size`, such as 8MiB (default: each blob in one request)")
	a.paceFlags(fs)
	a.planFlag(fs)
}

// rangesFlag registers --ranges of a command that reads blobs of registries.
func (a *app) rangesFlag(fs *flag.FlagSet) {
	fs.Var(&a.speed.ranges, "ranges", "fetch each blob of 32 MiB and more in `N` ranges at a time, at most 64, 1 for none (default: where one connection is slow)")
}

// ranges is how many ranges of a blob are read at once, 0 where that is found out. A plan reads none.
func (a *app) ranges() int {
	if a.planning() {
		return 1
	}
	return int(a.speed.ranges)
}

// paceFlags registers --rate and --stall.
func (a *app) paceFlags(fs *flag.FlagSet) {
	fs.Var(&a.speed.rate, "rate", "move no more than `bytes` of blobs a second, such as 20MiB/s, all together; each byte counts once")
	fs.Var(&a.speed.stall, "stall", fmt.Sprintf("give up a connection that moves nothing for a `time`, such as 30s, and try again (default %s)", wire.DefaultStall))
}

// pace is what --rate says.
func (a *app) pace() *blob.Pace {
	s := &a.speed
	s.pace.Rate = int64(s.rate)
	return &s.pace
}

// congestion is what is known of how many calls the hosts take, nil where --jobs says how many there are.
func (a *app) congestion(on *remote) *wire.Congestion {
	s := &a.speed
	if on.fixed || s.jobs != nil && *s.jobs > 0 {
		return nil
	}
	return &s.congestion
}

// forgetCongestion has nothing known of the hosts any more. No call may be under way.
func (a *app) forgetCongestion() { a.speed.congestion = wire.Congestion{OnLow: a.runsLow} }

// runsLow says why it goes slowly from here.
func (a *app) runsLow(host string, left int) {
	a.note("%s: %d calls are left of what it allows; manifests are read one at a time", host, left)
}
