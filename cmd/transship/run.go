package main

import (
	"context"
	"flag"
	"time"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// app is one run of a command that may call registries: its streams, how each registry is reached, and what is recorded,
// limited and planned of its calls.
type app struct {
	*streams
	command     string                                     // as the user calls it
	interrupted string                                     // the hint where the user interrupts it; may be empty
	sleep       func(context.Context, time.Duration) error // before a failed call is repeated; nil waits on the clock

	verbose bool            // print a line for each call
	headers bool            // and its headers
	onCall  func(wire.Call) // in place of what verbose prints; may be nil
	measure func(wire.Call) // gets each call too; may be nil

	plan      planning
	speed     speed
	recording recording
	rules     wire.Rules
	remotes   []*remote
	sessions  sessions
	waits     waits
}

func newApp(s *streams) *app {
	a := &app{streams: s}
	a.forgetCongestion()
	return a
}

// commonFlags registers the flags that every command with a registry has.
func (a *app) commonFlags(fs *flag.FlagSet) {
	fs.BoolVar(&a.quiet, "quiet", false, "print nothing but results and errors")
	alias(fs, "q", "quiet")
	fs.BoolVar(&a.sessions.http1, "http1", false, "do not use HTTP/2, which large blobs never do")
	a.auditFlags(fs)
}

// verboseFlag registers --verbose, which docker has used for something else in one command.
func (a *app) verboseFlag(fs *flag.FlagSet) {
	fs.BoolVar(&a.verbose, "verbose", false, "print one line for each call to a registry on standard error")
	alias(fs, "v", "verbose")
	fs.BoolVar(&a.headers, "vv", false, "as --verbose, with the headers of requests and answers, secrets left out")
}

// do runs a command whose flags are set. args are its arguments with the flags, rest those without.
func (a *app) do(ctx context.Context, act action, fs *flag.FlagSet, args, rest []string) error {
	return a.recorded(ctx, fs, args, func(ctx context.Context) error {
		if a.planning() {
			return a.printPlan(ctx, act, rest)
		}
		return act(ctx, a, rest)
	})
}

// noteDone prints a line about what a command has done, unless that was only planned.
func (a *app) noteDone(format string, args ...any) {
	if !a.planning() {
		a.note(format, args...)
	}
}

// config is where docker and podman keep credentials.
func (a *app) config() *auth.Config {
	config := auth.ConfigFromEnv(a.env)
	config.HelperOutput = a.stderr
	return config
}

// engine returns a copy engine as the flags of the run set it: --jobs, --ranges, --rate and --plan.
func (a *app) engine(jobs count, onEvent func(transfer.Event)) *transfer.Engine {
	return &transfer.Engine{Jobs: a.jobs(jobs), Ranges: a.ranges(), Pace: a.pace(), OnEvent: onEvent}
}
