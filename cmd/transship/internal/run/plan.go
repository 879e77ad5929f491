package run

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// PlanFlag registers --plan. Under it a command makes its calls to registries as usual:
// [wire.Planner] answers the writes. It copies with [Run.Jobs], changes nothing else if
// [Run.Planning], and its result is not printed.
func (r *Run) PlanFlag(fs *flag.FlagSet) {
	fs.Var(&r.Plan, "plan", "change nothing: print the calls that the command would make "+
		"and what happens to each blob; --plan=json for scripts, --plan=expect for --expect, --plan=sizes for --sizes")
	cli.Alias(fs, "dry-run", "plan")
}

// Planning reports whether the run only plans: it must not change anything.
func (r *Run) Planning() bool { return r.Plan.Enabled() }

// PlanTotals makes a plan in text one of totals alone, for commands that copy thousands of images.
// measured is how many bytes per second an earlier run reached, 0 if it is not known.
func (r *Run) PlanTotals(measured int64) {
	r.Plan.TotalsOnly, r.Plan.Measured = r.Plan.Format == "text", measured
}

// Jobs returns how many blobs a command transfers at a time: n, or 1 in a plan that prints calls,
// which then have the order of the documents.
func (r *Run) Jobs(n cli.Count) int {
	if r.Planning() && !r.Plan.TotalsOnly {
		return 1
	}
	return int(n)
}

// ParallelImages returns how many images a command works on at once. With one job it is 1.
func (r *Run) ParallelImages(jobs cli.Count) int {
	if r.Jobs(jobs) == 1 {
		return 1
	}
	return cli.ParallelImages
}

// printPlan runs a command without its result and prints the plan instead, also if some of several
// images failed.
func (r *Run) printPlan(ctx context.Context, act Action, args []string) error {
	asList := r.Plan.Format == "expect" || r.Plan.Format == "sizes"
	if asList && r.JSON {
		return &cli.UsageError{
			Message: fmt.Sprintf("--plan=%s prints lines, not JSON", r.Plan.Format), Advice: "leave out --json, or give --plan=json",
		}
	}
	r.Stdout.Discard, r.Plan.Limit = true, int64(r.speed.rate)
	err := act(ctx, r, args)
	r.Stdout.Discard, r.document = false, nil
	if err != nil && (asList || !cli.Has[*cli.PartialError](err)) {
		return err
	}
	report, reportErr := r.Plan.Report()
	if reportErr != nil {
		return errors.Join(err, reportErr)
	}
	if r.JSON {
		r.document = report
		return err
	}
	switch r.Plan.Format {
	case "expect":
		return report.Expect(r.Stdout)
	case "sizes":
		return report.Sizes(r.Stdout)
	}
	return errors.Join(err, report.Text(r.Stdout))
}
