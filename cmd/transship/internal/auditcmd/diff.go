package auditcmd

import (
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

func Diff() run.Command {
	return run.Command{
		Name: "audit diff", Args: "A B", Min: 2, Max: 2,
		Short: "compare the calls of two runs: added, gone, changed",
		Long: `A and B are audits, .jsonl or .har, or HARs of other tools. Their calls are compared whatever the order they came in. A
host that only one of them has, such as a registry on another port, stands for the other's host of the same role.
Lines begin with - for calls that only A has, + for those that only B has, ~ for those that differ.

The exit code is 0 where the calls are the same, and 1 where they differ, as that of diff(1). Where they could not be
compared nothing is printed on standard output, and the exit code is that of the reason.`,
		Example: "transship audit diff monday.jsonl tuesday.jsonl",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			asJSON := fs.Bool("json", false, "print JSON for scripts")
			return func(_ context.Context, r *run.Run, args []string) error {
				d, err := compareAudits(r, args[0], args[1])
				if err != nil {
					return err
				}
				if *asJSON {
					err = cli.PrintJSON(r.Stdout, d)
				} else {
					_, err = io.WriteString(r.Stdout, differenceText(args[0], args[1], d))
				}
				if err != nil || d.Equal() {
					return err
				}
				return fmt.Errorf("the calls differ: %d gone, %d added, %d changed", d.Count(diff.Gone), d.Count(diff.Added),
					d.Count(diff.Different)+d.Count(diff.Replaced))
			}
		},
	}
}

// compareAudits reads two audits and compares them.
func compareAudits(r *run.Run, names ...string) (diff.Result, error) {
	var sets []*diff.Calls
	for _, name := range names {
		err := readAudit(r, name, func(from *audit.Reader) (*audit.RecordError, error) {
			s, err := diff.Read(from)
			if err != nil {
				return nil, err
			}
			sets = append(sets, s)
			return s.Broken, nil
		})
		if err != nil {
			return diff.Result{}, err
		}
	}
	return diff.Compare(sets[0], sets[1]), nil
}

// differenceText is a difference for people; empty where there is none.
func differenceText(a, b string, d diff.Result) string {
	if d.Equal() {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", cli.OneLine(a), cli.OneLine(b))
	for _, h := range d.Hosts {
		if h.A != h.B {
			fmt.Fprintf(&out, "# %s, the %s, is %s\n", cli.OneLine(h.A), h.Role, cli.OneLine(h.B))
		}
	}
	for _, c := range d.Changes {
		out.WriteString(changeText(c))
	}
	return out.String()
}

// changeText is one change, in a line and one for each detail.
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
		text += "  for other digests"
	}
	text += "\n"
	for _, d := range c.Details {
		text += fmt.Sprintf("    %s: %s -> %s\n", d.Name, orNothing(d.A), orNothing(d.B))
	}
	return text
}

// orNothing is a value, or what says that there is none.
func orNothing(value string) string {
	if value == "" {
		return "(nothing)"
	}
	return value
}
