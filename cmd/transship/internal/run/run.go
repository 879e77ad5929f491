package run

import (
	"context"
	"flag"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/plan"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// ManifestJobs is how many manifests inspect fetches at once.
const ManifestJobs = 8

// Run is one run of a command that may call registries: its streams, how each registry is reached, and what is recorded,
// limited and planned of its calls.
type Run struct {
	*cli.Streams
	Command       string                                     // as the user calls it
	InterruptHint string                                     // the hint where the user interrupts it; may be empty
	Sleep         func(context.Context, time.Duration) error // before a failed call is repeated; nil waits on the clock

	Verbose     bool            // print a line for each call
	headers     bool            // and its headers
	PrintCall   func(wire.Call) // in place of what verbose prints; may be nil
	MeasureCall func(wire.Call) // gets each call too; may be nil

	Plan       plan.Plan
	speed      speed
	recording  recording
	rules      wire.Rules
	remotes    []*Remote
	transports transports
	waits      waits
}

func New(s *cli.Streams) *Run {
	r := &Run{Streams: s}
	r.ResetCongestion()
	return r
}

// CommonFlags registers the flags that every command with a registry has.
func (r *Run) CommonFlags(fs *flag.FlagSet) {
	fs.BoolVar(&r.Quiet, "quiet", false, "print nothing but results and errors")
	cli.Alias(fs, "q", "quiet")
	fs.BoolVar(&r.transports.http1, "http1", false, "do not use HTTP/2, which large blobs never do")
	r.AuditFlags(fs)
}

// VerboseFlag registers --verbose, which docker has used for something else in one command.
func (r *Run) VerboseFlag(fs *flag.FlagSet) {
	fs.BoolVar(&r.Verbose, "verbose", false, "print one line for each call to a registry on standard error")
	cli.Alias(fs, "v", "verbose")
	fs.BoolVar(&r.headers, "vv", false, "as --verbose, with the headers of requests and answers, secrets left out")
}

// do runs a command whose flags are set. args are its arguments with the flags, rest those without.
func (r *Run) do(ctx context.Context, act Action, fs *flag.FlagSet, args, rest []string) error {
	return r.withAudit(ctx, fs, args, func(ctx context.Context) error {
		if r.Planning() {
			return r.printPlan(ctx, act, rest)
		}
		return act(ctx, r, rest)
	})
}

// NoteDone prints a line about what a command has done, unless that was only planned.
func (r *Run) NoteDone(format string, args ...any) {
	if !r.Planning() {
		r.Note(format, args...)
	}
}

// AuthConfig is where docker and podman keep credentials.
func (r *Run) AuthConfig() *auth.Config {
	config := auth.ConfigFromEnv(r.Env)
	config.HelperOutput = r.Stderr
	return config
}

// Engine returns a copy engine as the flags of the run set it: --jobs, --ranges, --rate and --plan.
func (r *Run) Engine(jobs cli.Count, onEvent func(transfer.Event)) *transfer.Engine {
	return &transfer.Engine{Jobs: r.Jobs(jobs), Ranges: r.ranges(), Pace: r.pace(), OnEvent: onEvent}
}
