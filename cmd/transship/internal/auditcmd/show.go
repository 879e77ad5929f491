package auditcmd

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit/trace"
)

// shownAudit is what audit show --json prints.
type shownAudit struct {
	cli.Outcome
	trace.Report
}

// Show returns the command audit show.
func Show() run.Command {
	return run.Command{
		Name: "audit show", Args: "FILE", Min: 1, Max: 1,
		Short: "show a run's calls, their times and what the run waited for",
		Long: `FILE is an audit, the .jsonl or .har that --audit has written, or a HAR of a browser or a proxy. Prints
what the time of the run was spent on, the critical path, the calls by host and endpoint, and what took longest. The
critical path is what the run waited for: going back from the end, always the call that ended last before the next one
began.`,
		Example: "transship audit show run.jsonl\ntransship audit show --json run.har",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			top := cli.Count(10)
			fs.Var(&top, "top", fmt.Sprintf("list the `N` blobs and calls that took longest (default %d)", top))
			r.JSONFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				t, err := readTrace(ctx, r, args[0])
				if err != nil {
					return err
				}
				report := t.Report(int(top))
				r.SetDocument(&shownAudit{Report: report})
				return (&reportText{Report: report, top: int(top)}).print(r.Stdout)
			}
		},
	}
}
