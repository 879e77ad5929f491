package benchcmd

import (
	"fmt"
	"io"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/mix"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/openloop"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// printMix prints the tables of a result, and notes on what they mean.
func printMix(r *run.Run, m *mix.Mix, result *openloop.Result, d *mix.Document) error {
	text := cli.Columns("lrrrrrrrr", scenarioRows(m, result))
	if m.Ramps() {
		text += "\n" + cli.Columns("rrrrrrl", stepRows(result))
	}
	if _, err := io.WriteString(r.Stdout, text); err != nil {
		return err
	}
	for i, c := range result.Kinds {
		for _, class := range mix.Classes(c.Failed) {
			r.Note("%s: %d of %d failed: %s", m.Shares[i].Scenario, c.Failed[class], c.Due, class)
		}
	}
	g := d.Generator
	r.Note("the generator started %d operations %s late or more; at most %d of %d places were taken, and %d operations waited for one",
		g.Late, openloop.LateAfter, g.Outstanding, g.Bound, g.Waited)
	busy := ""
	if g.MachinePercent > 0 {
		busy = fmt.Sprintf(", all programs together %.0f%%", g.MachinePercent)
	}
	r.Note("this program used %.0f%% of the machine's processors%s", g.CPUPercent, busy)
	if m.Ramps() {
		r.Note("%s", kneeText(result.Knee()))
	}
	return nil
}

func scenarioRows(m *mix.Mix, result *openloop.Result) [][]string {
	rows := [][]string{{"scenario", "share", "operations", "failed", "p50", "p90", "p99", "p99.9", "max"}}
	all := openloop.Counts{}
	for i, s := range m.Shares {
		c := &result.Kinds[i]
		rows = append(rows, countsRow(string(s.Scenario), s.Of, c, c.Failures()))
		all.Due += c.Due
		all.Latency.Merge(&c.Latency)
	}
	failed := 0
	for i := range result.Kinds {
		failed += result.Kinds[i].Failures()
	}
	return append(rows, countsRow("all", 1, &all, failed))
}

func countsRow(name string, share float64, c *openloop.Counts, failed int) []string {
	row := []string{name, fmt.Sprintf("%.4g%%", share*100), fmt.Sprint(c.Due), fmt.Sprint(failed)}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
		row = append(row, latencyText(c.Latency.Quantile(q)))
	}
	return append(row, latencyText(c.Latency.Max()))
}

func stepRows(result *openloop.Result) [][]string {
	rows := [][]string{{"rate", "due", "ended in time", "failed", "p50", "p99", ""}}
	for i := range result.Steps {
		s := &result.Steps[i]
		all, note := s.All(), ""
		if s.Slow() {
			note = "the generator was late"
		}
		rows = append(rows, []string{
			fmt.Sprintf("%.4g/s", float64(s.Rate)), fmt.Sprint(s.Due), fmt.Sprint(s.Ended), fmt.Sprint(s.Failures()),
			latencyText(all.Quantile(0.5)), latencyText(all.Quantile(0.99)), note,
		})
	}
	return rows
}

// latencyText formats a latency with three digits.
func latencyText(d time.Duration) string {
	unit, name := time.Microsecond, "µs"
	switch {
	case d >= time.Second:
		unit, name = time.Second, "s"
	case d >= time.Millisecond:
		unit, name = time.Millisecond, "ms"
	}
	return fmt.Sprintf("%.3g%s", float64(d)/float64(unit), name)
}

func kneeText(k openloop.Knee) string {
	switch {
	case k.Found && k.Rate == 0:
		return "the knee is below the first step"
	case k.Found:
		return fmt.Sprintf("the knee is at %.4g/s", float64(k.Rate))
	case k.Slow:
		return fmt.Sprintf("no knee up to %.4g/s; above that the generator was the bottleneck", float64(k.Rate))
	}
	return fmt.Sprintf("no knee up to %.4g/s", float64(k.Rate))
}

// slowError says that the machine does not make the rate.
type slowError struct{ result *openloop.Result }

// Error has the share of late operations.
func (e *slowError) Error() string {
	n := e.result.Lateness.Count()
	return fmt.Sprintf("this machine cannot make that rate: %.2g%% of %d operations started %s late or more by the fault of the generator, %s at p99",
		100*float64(e.result.Late)/float64(max(n, 1)), n, openloop.LateAfter, latencyText(e.result.Lateness.Quantile(0.99)))
}

// ExitCode returns [cli.ExitFailed].
func (*slowError) ExitCode() int { return cli.ExitFailed }

// Hint says what to do.
func (*slowError) Hint() string {
	return "give a lower --rate, or run it on a machine with more free processors; the latencies are those of a busy generator"
}

// mixError returns the error of a run that has measured nothing of use: the generator was too slow, or
// all operations of a scenario failed.
func mixError(m *mix.Mix, result *openloop.Result) error {
	slow := result.Slow()
	if m.Ramps() {
		slow = len(result.Steps) > 0 && result.Steps[0].Slow()
	}
	if slow {
		return &slowError{result}
	}
	for i, c := range result.Kinds {
		if c.Due == 0 || c.Failures() < c.Due {
			continue
		}
		if c.Failed[openloop.Unsent]+c.Failed[openloop.Unfinished] == c.Due {
			return &unansweredError{m.Shares[i].Scenario}
		}
		return fmt.Errorf("every %s failed: %w", m.Shares[i].Scenario, c.Err)
	}
	return nil
}

// unansweredError says that no operation of a scenario ended in time.
type unansweredError struct{ scenario mix.Scenario }

// Error names the scenario.
func (e *unansweredError) Error() string {
	return fmt.Sprintf("no %s ended: the registry did not answer in time", e.scenario)
}

// Hint says what to do.
func (*unansweredError) Hint() string {
	return "give a lower --rate; --rate 1..N/s finds the one that the registry holds"
}

// ExitCode returns [cli.ExitFailed].
func (*unansweredError) ExitCode() int { return cli.ExitFailed }
