package auditcmd

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/diff"
)

// Diff returns the command audit diff.
func Diff() run.Command {
	return run.Command{
		Name: "audit diff", Args: "A B", Min: 2, Max: 2,
		Short: "compare the calls of two runs: added, gone, changed",
		Long: `A and B are audits, .jsonl or .har files that --audit has written, or HARs of other tools. The order of
their calls does not matter. A host that only one of them has, such as a registry on another port, counts as the
other's host of the same role. Lines begin with - for calls that only A has, with + for calls that only B has, and
with ~ for calls that differ.

The exit code is 0 if the calls are the same, and 1 if they differ, like that of diff(1). If a file cannot be read,
nothing is printed on standard output, and the exit code says why.`,
		Example: "transship audit diff monday.jsonl tuesday.jsonl",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.JSONFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				return compareAudits(ctx, r, args[0], args[1])
			}
		},
	}
}

// comparedAudits is what audit diff --json prints.
type comparedAudits struct {
	cli.Outcome
	diff.Result
}

// compareAudits prints how the calls of two audits differ. That they do is an error.
func compareAudits(ctx context.Context, r *run.Run, a, b string) error {
	first, err := readCalls(ctx, r, a)
	if err != nil {
		return err
	}
	second, err := readCalls(ctx, r, b)
	if err != nil {
		return err
	}
	d := diff.Compare(first, second)
	r.SetDocument(&comparedAudits{Result: d})
	if _, err = io.WriteString(r.Stdout, differenceText(a, b, d)); err != nil || d.Equal() {
		return err
	}
	return fmt.Errorf("the calls differ: %d gone, %d added, %d changed",
		d.Count(diff.Gone), d.Count(diff.Added), d.Count(diff.Different)+d.Count(diff.Replaced))
}

func readCalls(ctx context.Context, r *run.Run, name string) (*diff.Calls, error) {
	return readAudit(ctx, r, name, diff.Read, func(c *diff.Calls) *audit.RecordError { return c.Broken })
}

// differenceText returns the differences for people, "" if there are none.
func differenceText(a, b string, d diff.Result) string {
	if d.Equal() {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", cli.OneLine(a), cli.OneLine(b))
	for _, h := range d.Hosts {
		if h.A != h.B {
			fmt.Fprintf(&out, "# %s, the %s, is %s in the other\n", cli.OneLine(h.A), h.Role, cli.OneLine(h.B))
		}
	}
	for _, c := range d.Changes {
		out.WriteString(changeText(c))
	}
	return out.String()
}

// changeText returns a line for a change, and one for each of its details.
func changeText(c diff.Change) string {
	mark := map[diff.Kind]string{diff.Gone: "-", diff.Added: "+"}[c.Kind]
	if mark == "" {
		mark = "~"
	}
	text := cli.ShortenDigests(fmt.Sprintf("%s %s %s%s", mark, c.Method, c.Host, c.Path))
	if c.Times > 1 {
		text += fmt.Sprintf("  %d times", c.Times)
	}
	if c.Kind == diff.Replaced {
		text += "  with other digests"
	}
	text += "\n"
	for _, d := range c.Details {
		text += fmt.Sprintf("    %s: %s -> %s\n", d.Name, cmp.Or(d.A, "(none)"), cmp.Or(d.B, "(none)"))
	}
	return text
}
