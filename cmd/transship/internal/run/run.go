// Package run holds one run of a command: the table row that it comes from, its remotes, what is
// recorded, limited and planned of its calls, and the exit codes and hints for errors of the
// library. Start from [Command] and [Run]; a registry is reached through a [Remote].
package run

import (
	"context"
	"flag"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/config"
	"github.com/hczjl/transship/cmd/transship/internal/plan"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// ManifestJobs is how many manifests of a list a command fetches at once.
const ManifestJobs = 8

// Run is one run of a command. The zero value is not usable; see [New].
type Run struct {
	*cli.Streams
	Command       string                                     // its name as typed, such as "manifest push"
	Literal       int                                        // how many of the last arguments come after "--"
	InterruptHint string                                     // the hint if the user stops the run; may be empty
	Sleep         func(context.Context, time.Duration) error // waits before a retry; nil uses the clock

	// Dial opens connections; nil uses the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Verbose     bool                 // --verbose: print a line for each call
	headers     bool                 // --vv: and its headers
	groups      map[string]flagGroup // of flags by name; ownFlags are not in it
	PrintCall   func(wire.Call)      // prints a call in place of --verbose; may be nil
	MeasureCall func(wire.Call)      // gets each call as well; may be nil

	Plan       plan.Plan
	JSON       bool // --json: print a document in place of the result
	document   Document
	metrics    string          // the file of --metrics; "" for none
	measures   func() Measures // nil until the command has something to measure
	began      time.Time
	speed      speed
	uploads    uploads
	noClobber  bool // --no-clobber
	repair     bool // --repair
	keep       tagselect.Value
	foreign    foreignLayers
	recording  recording
	rules      wire.PolicyRules
	remotes    []*Remote
	transports transports
	waits      waits
	authFile   string      // --authfile
	config     config.File // the configuration file; empty for commands that call no registry
	mirrors    mirrors

	warned        sync.Map                      // what WarnOnce has printed
	prepare       []func(context.Context) error // what reads the files of flags before the command runs
	withoutEffect []string                      // notes on flags of docker's that change nothing here
}

// New returns a run on these streams.
func New(s *cli.Streams) *Run {
	r := &Run{Streams: s, groups: map[string]flagGroup{}, began: time.Now()}
	r.ResetCongestion()
	return r
}

// Prepare has f called when all flags are set, before the command makes any call. An error of f ends
// the run.
func (r *Run) Prepare(f func(context.Context) error) { r.prepare = append(r.prepare, f) }

// CommonFlags registers the flags of commands that call registries, after SendFlags or FetchFlags.
func (r *Run) CommonFlags(fs *flag.FlagSet) {
	r.CallFlags(fs)
	r.VerboseFlag(fs)
}

// CallFlags registers CommonFlags without VerboseFlag, for docker manifest inspect, which has a
// --verbose of its own.
func (r *Run) CallFlags(fs *flag.FlagSet) {
	defer r.group(fs, connectionFlags)()
	r.QuietFlag(fs)
	fs.BoolVar(&r.transports.http1, "http1", false, "do not use HTTP/2 (large blobs never use it)")
	fs.Var(&r.transports.congestion, "congestion", "send large blobs with this congestion control of TCP, by the `name` "+
		"that Linux has for it, or system for that of the system (default "+wire.DefaultSendCongestion+" where Linux offers it)")
	r.stallFlag(fs)
	r.maxWaitFlag(fs)
	r.AuditFlags(fs)
}

// QuietFlag registers --quiet.
func (r *Run) QuietFlag(fs *flag.FlagSet) {
	defer r.group(fs, outputFlags)()
	fs.BoolVar(&r.Quiet, "quiet", false, "print only results and errors")
	cli.Alias(fs, "q", "quiet")
}

// VerboseFlag registers --verbose and --vv.
func (r *Run) VerboseFlag(fs *flag.FlagSet) {
	defer r.group(fs, outputFlags)()
	fs.BoolVar(&r.Verbose, "verbose", false, "print a line on standard error for each call to a registry")
	cli.Alias(fs, "v", "verbose")
	fs.BoolVar(&r.headers, "vv", false, "like --verbose, with request and response headers, secrets redacted")
}

// do runs a command whose flags are set. args are its arguments with flags, rest those without.
func (r *Run) do(ctx context.Context, act Action, fs *flag.FlagSet, args, rest []string) error {
	r.noteWithoutEffect()
	if err := r.checkMetrics(); err != nil {
		return err
	}
	return r.withAudit(ctx, fs, args, func(ctx context.Context) error {
		if r.Planning() {
			return r.printPlan(ctx, act, rest)
		}
		defer r.noteMirrors()
		r.Stdout.Discard = r.JSON
		return r.withNearestTag(ctx, act(ctx, r, rest))
	})
}

// NoteDone prints what the command has done, like Note. In a plan it prints nothing.
func (r *Run) NoteDone(format string, args ...any) {
	if !r.Planning() {
		r.Note(format, args...)
	}
}

// WarnOnce prints a warning that the run has not printed yet, also with --quiet.
func (r *Run) WarnOnce(format string, args ...any) {
	text := fmt.Sprintf("warning: "+format, args...)
	if _, done := r.warned.LoadOrStore(text, true); !done {
		r.Stderr.Line("%s", text)
	}
}

// AuthConfig returns the configuration in which docker and podman keep credentials: the file of
// --authfile alone, else their own files and the helpers of the configuration file.
func (r *Run) AuthConfig() *auth.Config {
	config := auth.ConfigFromEnv(r.Env)
	if r.authFile != "" {
		config.Files, config.Inline = []string{r.authFile}, ""
	} else {
		config.Helpers, config.HelpersOrigin = r.config.Helpers(), r.config.Path
	}
	config.HelperOutput = r.Stderr
	config.OnHelperWait = func(program string) { r.Note("waiting for the credential helper %s", program) }
	return config
}

// Engine returns a copy engine with the settings of --ranges, --rate, --foreign-layers, --no-clobber,
// --keep-existing, --repair and --plan.
func (r *Run) Engine(jobs cli.Count, onEvent func(transfer.Event)) *transfer.Engine {
	e := &transfer.Engine{Jobs: r.Jobs(jobs), Ranges: r.ranges(), Pace: r.pace(), OnEvent: onEvent}
	e.NoClobber, e.Repair = r.noClobber, r.repair
	e.SeparateTags = r.rules.Expect != nil // a list of --plan=expect has the calls of --jobs 1
	if r.keep.IsSet() {
		e.Keep = r.keep.Match
	}
	r.setForeign(e)
	return e
}
