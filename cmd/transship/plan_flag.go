package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"sync"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// planning is what --plan asks for and finds out. The zero value is of a run that does what it says.
type planning struct {
	format string // "text" or "json"; "" where nothing is planned
	calls  wire.Plan

	mu      sync.Mutex
	kept    []transfer.Event         // the images that are up to date
	places  map[string]*plannedPlace // the layouts and tars of the run, by their names
	inOrder []*plannedPlace
}

// planFlag registers --plan. A command that has it makes its calls to registries as ever, does its copies with a.jobs,
// and changes nothing else where a.planning() is true; what it prints as its result is left out then.
func (a *app) planFlag(fs *flag.FlagSet) {
	fs.Var(&a.plan, "plan", "change nothing: print the calls that would be made, and what each blob needs; --plan=json for scripts")
	fs.Var(&a.plan, "dry-run", "the same as --plan")
}

// planning tells whether nothing is to be changed.
func (a *app) planning() bool { return a.plan.wanted() }

// jobs is how many blobs a command moves at a time: one where the calls are planned, which makes their order that of the
// documents.
func (a *app) jobs(n count) int {
	if a.planning() {
		return 1
	}
	return int(n)
}

// atOnce is how many images a command of those jobs looks after side by side: one, where there is one job.
func (a *app) atOnce(jobs count) int {
	if a.jobs(jobs) == 1 {
		return 1
	}
	return imagesAtOnce
}

// IsBoolFlag lets the flag stand without a value.
func (*planning) IsBoolFlag() bool { return true }

// String implements flag.Value.
func (p *planning) String() string { return p.format }

// Set implements flag.Value.
func (p *planning) Set(s string) error {
	switch s {
	case "true", "text":
		p.format = "text"
	case "json":
		p.format = "json"
	case "false":
		p.format = ""
	default:
		return fmt.Errorf("%q is no format; they are text and json", s)
	}
	return nil
}

// wanted reports whether the calls are planned.
func (p *planning) wanted() bool { return p.format != "" }

// over puts the plan into a chain of transports, where there is one.
func (p *planning) over(base http.RoundTripper) http.RoundTripper {
	if !p.wanted() {
		return base
	}
	return p.calls.Over(base)
}

// keep notes an image that is up to date.
func (p *planning) keep(ev transfer.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.kept, ev)
}

// printPlan runs a command without its result and prints the plan in its place, also where some of several images failed.
func (a *app) printPlan(ctx context.Context, act action, args []string) error {
	a.stdout.withheld = true
	err := act(ctx, a, args)
	a.stdout.withheld = false
	if err != nil && !as[*partlyError](err) {
		return err
	}
	report, failed := a.plan.report()
	if failed != nil {
		return errors.Join(err, failed)
	}
	if a.plan.format == "json" {
		return errors.Join(err, printJSON(a.stdout, report))
	}
	return errors.Join(err, report.text(a.stdout))
}
