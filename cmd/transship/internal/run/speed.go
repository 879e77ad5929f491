package run

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// speed has the settings of how fast a run transfers blobs and makes calls.
type speed struct {
	jobs       *cli.Count // the command's --jobs; nil if it has none
	ranges     Ranges
	rate       cli.ByteRate
	stall      cli.Timeout
	maxWait    cli.Timeout
	documents  bool // the command waits for documents, not for blobs
	pace       blob.RateLimiter
	congestion wire.Congestion
}

// JobsFlag registers --jobs. does is the verb of its usage text: what the command does with blobs.
func (r *Run) JobsFlag(fs *flag.FlagSet, jobs *cli.Count, does string) {
	defer r.group(fs, speedFlags)()
	r.speed.jobs = jobs
	fs.Var(jobs, "jobs", fmt.Sprintf("%s `N` blobs at a time (default: as many as the registries allow, up to %d, "+
		"and up to %d more of less than %d MiB)",
		does, transfer.DefaultJobs, transfer.SmallJobs, blob.LargeSize>>20))
}

// SendFlags registers the flags of commands that push images to a registry: --jobs, --chunk-size,
// --no-journal, --rate, --stall, --foreign-layers, --no-clobber, --keep-existing, --repair and --plan.
func (r *Run) SendFlags(fs *flag.FlagSet, to *Remote, jobs *cli.Count, does string) {
	r.JobsFlag(fs, jobs, does)
	r.chunkFlag(fs, to)
	r.journalFlag(fs)
	r.paceFlags(fs)
	r.ForeignFlag(fs)
	fs.BoolVar(&r.noClobber, "no-clobber", false,
		"refuse to move a tag that points to another image at the target (exit code 9)")
	fs.Var(&r.keep, "keep-existing", "skip a tag that this `pattern` selects, as in a list (help lists), if the target has it, "+
		"whatever it points to; may be repeated")
	fs.BoolVar(&r.repair, "repair", false,
		"ask the target for each manifest and blob of an image whose tag is there already, and send what is missing")
	r.PlanFlag(fs)
}

// chunkFlag registers --chunk-size.
func (r *Run) chunkFlag(fs *flag.FlagSet, to *Remote) {
	defer r.group(fs, speedFlags)()
	fs.Var(&to.chunk, "chunk-size",
		"upload blobs in chunks of this `size`, such as 8MiB (default: each blob in one request)")
}

// FetchFlags registers the flags of commands that write what they pull to disk: --jobs, --ranges,
// --rate, --stall, --foreign-layers and --plan.
func (r *Run) FetchFlags(fs *flag.FlagSet, jobs *cli.Count, does string) {
	r.JobsFlag(fs, jobs, does)
	r.RangesFlag(fs)
	r.paceFlags(fs)
	r.ForeignFlag(fs)
	r.PlanFlag(fs)
}

// Ranges is the value of --ranges: in how many ranges a large blob is fetched at once, 1 to
// blob.MaxRanges; 0 without the flag.
type Ranges int

// String implements flag.Value.
func (n *Ranges) String() string { return strconv.Itoa(int(*n)) }

// Set implements flag.Value.
func (n *Ranges) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 || v > blob.MaxRanges {
		return fmt.Errorf("%q is not a whole number from 1 to %d", s, blob.MaxRanges)
	}
	*n = Ranges(v)
	return nil
}

// RangesFlag registers --ranges, for commands that pull blobs from registries.
func (r *Run) RangesFlag(fs *flag.FlagSet) {
	defer r.group(fs, speedFlags)()
	fs.Var(&r.speed.ranges, "ranges", "fetch each blob of 32 MiB or more by `N` parallel range requests, 1 to 64 "+
		"(default: parallel only if one connection is slow)")
}

// ranges returns how many ranges of a blob are fetched at once; 0 adapts. A plan reads no blobs, and
// --expect lists one call for each.
func (r *Run) ranges() int {
	if r.Planning() || r.rules.Expect != nil && r.speed.ranges == 0 {
		return 1
	}
	return int(r.speed.ranges)
}

// paceFlags registers --rate and --stall.
func (r *Run) paceFlags(fs *flag.FlagSet) {
	defer r.group(fs, speedFlags)()
	fs.Var(&r.speed.rate, "rate",
		"limit all blob transfers together to this many `bytes` per second, such as 20MiB/s; "+
			"a byte that is both read and sent counts once (default no limit)")
	r.blobStallFlag(fs)
}

// WaitFlags registers --stall and --max-wait for a command that has its own flags for the rest.
func (r *Run) WaitFlags(fs *flag.FlagSet) {
	r.blobStallFlag(fs)
	r.maxWaitFlag(fs)
}

// blobStallFlag registers --stall for a command that moves blobs.
func (r *Run) blobStallFlag(fs *flag.FlagSet) {
	fs.Var(&r.speed.stall, "stall", fmt.Sprintf(
		"drop a connection that transfers nothing for this `time`, such as 30s, and retry (default %s)",
		shortTime(wire.DefaultStallTimeout)))
}

// documentStall is the default of --stall for commands that wait for documents: a user waits too.
const documentStall = time.Minute

// stallFlag registers --stall for a command that waits for documents, unless paceFlags has.
func (r *Run) stallFlag(fs *flag.FlagSet) {
	if fs.Lookup("stall") != nil {
		return
	}
	r.speed.documents, r.speed.stall = true, cli.Timeout(documentStall)
	fs.Var(&r.speed.stall, "stall", fmt.Sprintf(
		"in commands that transfer no blobs: give up if the registry sends nothing for this `time`, such as 30s "+
			"(default %s)",
		shortTime(documentStall)))
}

// unanswered returns how often a call that gets no answer in time is sent; 0 is wire.Retry's default.
func (s *speed) unanswered() int {
	if s.documents {
		return 1
	}
	return 0
}

// maxWaitFlag registers --max-wait.
func (r *Run) maxWaitFlag(fs *flag.FlagSet) {
	fs.Var(&r.speed.maxWait, "max-wait", fmt.Sprintf(
		"give up at once if a registry asks a call to wait longer than this `time`, such as 1h (default %s)",
		shortTime(wire.DefaultMaxWait)))
}

// shortTime returns a time as users write it: 10m, not 10m0s.
func shortTime(d time.Duration) string { return strings.TrimSuffix(d.String(), "0s") }

// pace returns the limit of --rate, which all copies of the run share.
func (r *Run) pace() *blob.RateLimiter {
	s := &r.speed
	s.pace.Rate = int64(s.rate)
	return &s.pace
}

// congestion returns what the run has learned about how many calls each host takes at once, nil if
// --jobs sets that number.
func (r *Run) congestion(m *Remote) *wire.Congestion {
	s := &r.speed
	if m.Unlimited || s.jobs != nil && *s.jobs > 0 {
		return nil
	}
	return &s.congestion
}

// ResetCongestion forgets what the run has learned about the hosts. No call may be under way.
func (r *Run) ResetCongestion() { r.speed.congestion = wire.Congestion{OnLowQuota: r.noteRateLimit} }

// noteRateLimit prints why the run slows down: few calls are left of a host's rate limit.
func (r *Run) noteRateLimit(host string, left int) {
	r.Note("%s: %d calls are left in its rate limit; manifests are fetched one at a time", host, left)
}
