package auditcmd

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit/trace"
)

// Compare returns the command audit compare.
func Compare() run.Command {
	return run.Command{
		Name: "audit compare", Args: "FILE FILE [FILE...]", Min: 2, Max: -1,
		Short: "show the calls of several runs or programs side by side",
		Long: `Each FILE is an audit, a .jsonl or .har file of --audit or of transship record, or a HAR of a browser or a
proxy. Each has a column: how many calls its program made for each endpoint of the distribution specification, with
how many bytes, connections and retries, how long the median call waited for its first byte, how many calls the run
waited for one after another (the critical path, as audit show has it), and what was asked for more than once.`,
		Example: "transship audit compare docker.har crane.har transship.jsonl",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			top := cli.Count(10)
			fs.Var(&top, "top", fmt.Sprintf("list `N` calls of each file that were made more than once (default %d)", top))
			r.JSONFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				return sideBySide(ctx, r, args, int(top))
			}
		},
	}
}

// ComparedRuns is what audit compare --json prints.
type ComparedRuns struct {
	cli.Outcome
	Runs []ComparedRun `json:"runs"` // in the order of the arguments
}

// ComparedRun is one file.
type ComparedRun struct {
	File string `json:"file"`
	trace.Report
}

func sideBySide(ctx context.Context, r *run.Run, files []string, top int) error {
	c := &comparison{top: top}
	for _, file := range files {
		t, err := readTrace(ctx, r, file)
		if err != nil {
			return err
		}
		c.Runs = append(c.Runs, ComparedRun{file, t.Report(0)})
	}
	r.SetDocument(&c.ComparedRuns)
	c.totals()
	c.rows("Calls by endpoint of the distribution specification:", func(g trace.Group) string { return orDash(g.Calls) })
	c.rows("Bytes of their bodies:", func(g trace.Group) string {
		if g.Sent+g.Received == 0 {
			return "-"
		}
		return cli.FormatBytes(g.Sent + g.Received)
	})
	c.repeated()
	_, err := io.WriteString(r.Stdout, c.out.String())
	return err
}

// comparison writes a comparison for people, section by section.
type comparison struct {
	ComparedRuns
	top int // how many calls that were made more than once are listed for each run
	out strings.Builder
}

// table writes rows of a title and a cell for each run, below the names of the files.
func (c *comparison) table(rows [][]string) {
	head := []string{""}
	for _, r := range c.Runs {
		head = append(head, cli.OneLine(filepath.Base(r.File)))
	}
	align := "l" + strings.Repeat("r", len(c.Runs))
	c.out.WriteString(cli.Columns(align, append([][]string{head}, rows...)))
}

// totals says what each run did in all.
func (c *comparison) totals() {
	var rows [][]string
	for _, measure := range []struct {
		title string
		of    func(r *ComparedRun) string
	}{
		{"client", func(r *ComparedRun) string { return clientName(r) }},
		{"time", func(r *ComparedRun) string { return r.Wall.String() }},
		{"calls", func(r *ComparedRun) string { return fmt.Sprint(r.Total.Calls) }},
		{"  one after another", func(r *ComparedRun) string { return fmt.Sprint(len(r.Path)) }},
		{"  asked for again", func(r *ComparedRun) string { return orDash(again(r.Repeated)) }},
		{"  retries", func(r *ComparedRun) string { return orDash(r.Total.Retries) }},
		{"  without an answer", func(r *ComparedRun) string { return orDash(r.Total.Failed) }},
		{"  errors", func(r *ComparedRun) string { return orDash(sum(r.Total.Errors)) }},
		{"connections", func(r *ComparedRun) string { return orDash(r.Total.Connections) }},
		{"hosts", func(r *ComparedRun) string { return fmt.Sprint(len(r.Hosts)) }},
		{"sent", func(r *ComparedRun) string { return cli.FormatBytes(r.Total.Sent) }},
		{"received", func(r *ComparedRun) string { return cli.FormatBytes(r.Total.Received) }},
		{"first byte, median", func(r *ComparedRun) string { return r.FirstByte.Median.String() }},
		{"first byte, p99", func(r *ComparedRun) string { return r.FirstByte.P99.String() }},
	} {
		row := []string{measure.title}
		for i := range c.Runs {
			row = append(row, measure.of(&c.Runs[i]))
		}
		rows = append(rows, row)
	}
	c.table(rows)
}

// clientName returns the first word of a program's User-Agent, such as docker/28.0.
func clientName(r *ComparedRun) string {
	name, _, _ := strings.Cut(r.Client, " ")
	const room = 24
	if name == "" {
		return "-"
	}
	return name[:min(len(name), room)]
}

// again counts the calls beyond the first of each.
func again(repeated []trace.Repeat) (n int) {
	for _, x := range repeated {
		n += x.Times - 1
	}
	return n
}

func sum(counts map[int]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// rows writes a table with a row for each endpoint that one of the runs has called.
func (c *comparison) rows(title string, cell func(trace.Group) string) {
	titles := map[string]string{}
	groups := make([]map[string]trace.Group, len(c.Runs))
	for i, r := range c.Runs {
		groups[i] = map[string]trace.Group{}
		for _, h := range r.Hosts {
			for _, row := range h.Rows {
				g := groups[i][row.Row]
				g.Calls, g.Sent, g.Received = g.Calls+row.Calls, g.Sent+row.Sent, g.Received+row.Received
				groups[i][row.Row], titles[row.Row] = g, rowTitle(row)
			}
		}
	}
	names := make([]string, 0, len(titles))
	for name := range titles {
		names = append(names, name)
	}
	slices.SortFunc(names, trace.CompareRows)
	var rows [][]string
	for _, name := range names {
		row := []string{titles[name]}
		for i := range c.Runs {
			row = append(row, cell(groups[i][name]))
		}
		rows = append(rows, row)
	}
	c.out.WriteString("\n" + title + "\n")
	c.table(rows)
}

// repeated lists what each run asked for more than once.
func (c *comparison) repeated() {
	for _, r := range c.Runs {
		text := reportText{Report: r.Report, top: c.top}
		text.repeated()
		if text.out.Len() > 0 {
			c.out.WriteString("\n" + cli.OneLine(filepath.Base(r.File)) + text.out.String())
		}
	}
}
