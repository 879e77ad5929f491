package benchcmd

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/compare"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// maxResult is the largest result that bench report reads, in bytes.
const maxResult = 64 << 20

// Report returns the command bench report.
func Report() run.Command {
	return run.Command{
		Name: "bench report", Args: "[LABEL=]FILE...", Min: 1, Max: -1,
		Short: "compare results of benchmarks",
		Long: `Reads what other bench commands have printed under --json, of several registries, programs or dates, and prints what
they have in common side by side: medians with confidence intervals, and whether a difference can be told.

Rows are compared if their work is the same: the command, its combination and sizes, and of bench mix the rate and the
shares. Files with one label are one thing that was measured several times. The label is LABEL, or that of --label in
the run, or its target. The first label is what the others are compared with.

A sample is a round, or of bench mix a slice of the time. The confidence interval of the median, 95%, is by order
statistics and needs six samples. The comparison is the Mann-Whitney U test at 5%. p99.9 and errors are numbers of a whole
run, and are not compared.`,
		Example: `transship bench report old.json new.json
transship bench report --html report.html zot=zot-1.json zot=zot-2.json olareg=olareg-1.json olareg=olareg-2.json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			html := fs.String("html", "", "also write a page with plots, environments and all samples to this `file`")
			return func(ctx context.Context, r *run.Run, args []string) error { return report(ctx, r, *html, args) }
		},
	}
}

func report(ctx context.Context, r *run.Run, html string, args []string) error {
	page, err := openPage(html)
	if err != nil {
		return err
	}
	defer page.discard()
	var runs []*compare.Run
	for _, arg := range args {
		one, err := readResult(ctx, arg)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(runs, one.IsSame); i >= 0 {
			return &cli.UsageError{
				Message: fmt.Sprintf("%s has the run of %s once more, whose samples would count twice", one.File, runs[i].File),
				Advice:  "leave it out",
			}
		}
		runs = append(runs, one)
	}
	result := compare.New(runs)
	if _, err := io.WriteString(r.Stdout, result.Text(cli.Columns)); err != nil {
		return err
	}
	r.Note("%s", result.Method())
	if corpora := result.Corpora(); len(corpora) > 1 {
		r.Note("the content differs, since the seeds do: %s", strings.Join(corpora, ", "))
	}
	return page.write(result.HTML)
}

// readResult reads an argument: a file, or LABEL=FILE.
func readResult(ctx context.Context, arg string) (*compare.Run, error) {
	label, file, labelled := strings.Cut(arg, "=")
	if _, err := os.Stat(arg); err == nil || !labelled {
		label, file = "", arg
	}
	text, err := cli.ReadFile(ctx, file, maxResult)
	if err != nil {
		return nil, err
	}
	return compare.Read(file, label, text)
}
