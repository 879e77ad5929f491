package run

import (
	"context"
	"errors"
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// PlanFlag registers --plan. A command that has it makes its calls to registries as ever, does its copies with a.jobs,
// and changes nothing else where a.planning() is true; what it prints as its result is left out then.
func (r *Run) PlanFlag(fs *flag.FlagSet) {
	fs.Var(&r.Plan, "plan", "change nothing: print the calls that would be made, and what each blob needs; --plan=json for scripts")
	fs.Var(&r.Plan, "dry-run", "the same as --plan")
}

// Planning tells whether nothing is to be changed.
func (r *Run) Planning() bool { return r.Plan.Enabled() }

// Jobs is how many blobs a command moves at a time: one where the calls are planned, which makes their order that of the
// documents.
func (r *Run) Jobs(n cli.Count) int {
	if r.Planning() {
		return 1
	}
	return int(n)
}

// ParallelImages is how many images a command of those jobs looks after side by side: one, where there is one job.
func (r *Run) ParallelImages(jobs cli.Count) int {
	if r.Jobs(jobs) == 1 {
		return 1
	}
	return cli.ParallelImages
}

// printPlan runs a command without its result and prints the plan in its place, also where some of several images failed.
func (r *Run) printPlan(ctx context.Context, act Action, args []string) error {
	r.Stdout.Discard = true
	err := act(ctx, r, args)
	r.Stdout.Discard = false
	if err != nil && !cli.Has[*cli.PartialError](err) {
		return err
	}
	report, failed := r.Plan.Report()
	if failed != nil {
		return errors.Join(err, failed)
	}
	if r.Plan.Format == "json" {
		return errors.Join(err, cli.PrintJSON(r.Stdout, report))
	}
	return errors.Join(err, report.Text(r.Stdout))
}
