package mirror

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/manifest"
)

// maxReport is the maximum size of a report in bytes. An image takes some 500, and its blobs more.
const maxReport = 1 << 30

// ReportMerge returns the command report merge.
func ReportMerge() run.Command {
	return run.Command{
		Name: "report merge", Args: "FILE [FILE...]", Min: 1, Max: -1,
		Short: "join the reports of several workers",
		Long: `Reads what sync, save or copy --json have printed, and prints one report: the images of all, the sums of their
counts and bytes, and the longest time. The reports of --shard must be those of all workers, each once, with the same
--sizes. The exit code is
0 if that of each of them was, else 8, or their code if all have the same.`,
		Example: `transship report merge --json report-1.json report-2.json report-3.json report-4.json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.JSONFlag(fs)
			return mergeReports
		},
	}
}

// workerReport is a report and the file that it is in.
type workerReport struct {
	file string
	image.Report
}

func mergeReports(ctx context.Context, r *run.Run, args []string) error {
	out := image.NewReporter(r)
	var reports []workerReport
	for _, file := range args {
		report, err := readReport(ctx, file)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	if err := checkShards(reports); err != nil {
		return err
	}
	for _, w := range reports {
		out.Merge(w.Report)
	}
	out.Sort()
	for _, result := range out.Images {
		if result.Status == SyncFailed {
			r.PrintFailure(title(result), errors.New(result.Error))
		}
	}
	fmt.Fprintf(r.Stdout, "%d report%s, %d image%s: %s%s\n", len(reports), cli.Plural(len(reports)),
		out.Total(), cli.Plural(out.Total()), counts(out.Report), cli.FormatBytes(out.Bytes))
	return reportsError(reports)
}

// readReport reads a report of --json.
func readReport(ctx context.Context, file string) (workerReport, error) {
	w := workerReport{file: file}
	raw, err := cli.ReadFile(ctx, file, maxReport)
	if err != nil {
		return w, err
	}
	if err := manifest.Decode([]byte(raw), &w.Report); err != nil {
		return w, &cli.UsageError{Message: file + ": it is no report of --json: " + err.Error()}
	}
	var member struct{ OK *bool } // that a file of --state lacks, which has images too
	_ = json.Unmarshal([]byte(raw), &member)
	if member.OK == nil || w.Images == nil && w.Error == "" {
		return w, &cli.UsageError{
			Message: file + ": it is no report of sync, save or copy --json",
			Advice:  "transship sync --json > FILE writes one",
		}
	}
	return w, nil
}

// checkShards returns an error unless the reports are of no shards, or of all shards of one number.
func checkShards(reports []workerReport) error {
	byShard := map[string]string{} // its file
	var first image.Shard
	for i, w := range reports {
		var shard image.Shard
		if w.Shard != "" && shard.Set(w.Shard) != nil {
			return fmt.Errorf("%s: %q is no shard", w.file, w.Shard)
		}
		if i == 0 {
			first = shard
		}
		other, again := byShard[w.Shard]
		switch {
		case shard.Count != first.Count:
			return &cli.UsageError{Message: fmt.Sprintf("%s is of %s, and %s of %s", reports[0].file, shardName(first), w.file, shardName(shard))}
		case w.Sizes != reports[0].Sizes:
			return &cli.UsageError{
				Message: fmt.Sprintf("the workers of %s and %s had different files of --sizes", reports[0].file, w.file),
				Advice:  "run all workers with the same one: between two, repositories are left out",
			}
		case again && w.Shard != "":
			return &cli.UsageError{Message: fmt.Sprintf("%s and %s are both of shard %s", other, w.file, w.Shard)}
		}
		byShard[w.Shard] = w.file
	}
	for i := range first.Count {
		shard := image.Shard{Index: i + 1, Count: first.Count}
		if byShard[shard.String()] == "" {
			return &cli.UsageError{Message: fmt.Sprintf("the report of shard %s is missing", &shard)}
		}
	}
	return nil
}

// reportsError returns the error of the workers' runs, nil if all have succeeded.
func reportsError(reports []workerReport) error {
	var failed []workerReport
	for _, w := range reports {
		if !w.OK {
			failed = append(failed, w)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	code := failed[0].ExitCode
	if slices.ContainsFunc(failed, func(w workerReport) bool { return w.ExitCode != code }) || len(failed) < len(reports) {
		code = cli.ExitPartial
	}
	return &workersError{failed, len(reports), cmp.Or(code, cli.ExitFailed)}
}

// workersError reports that the runs of some workers have failed.
type workersError struct {
	failed []workerReport
	of     int
	code   int
}

// Error names the first of them.
func (e *workersError) Error() string {
	first := e.failed[0]
	return fmt.Sprintf("%d of %d workers failed, the first of them in %s: %s", len(e.failed), e.of, first.file, first.Error)
}

// ExitCode is that of the workers, if they all have the same.
func (e *workersError) ExitCode() int { return e.code }

// Hint is that of the first worker.
func (e *workersError) Hint() string { return e.failed[0].Hint }
