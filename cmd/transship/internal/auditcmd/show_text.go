package auditcmd

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/trace"
)

// reportText writes a report for people, section by section.
type reportText struct {
	trace.Report
	top int // how many reasons and calls of the critical path are listed
	out strings.Builder
}

func (r *reportText) print(out io.Writer) error {
	r.head()
	r.reasons()
	r.path()
	r.calls()
	r.times()
	r.blobs()
	r.repeated()
	r.refusals()
	_, err := io.WriteString(out, r.out.String())
	return err
}

// head says which run it was and what it did in all.
func (r *reportText) head() {
	state := ", finished"
	switch {
	case r.Complete:
	case len(r.Run.Command) > 0:
		state = ", not finished: the run was killed or is still going on"
	default:
		state = " from the first call to the end of the last" // another tool's
	}
	for _, row := range [][2]string{
		{"Run", strings.Join(r.Run.Command, " ")},
		{"Tool", r.Run.Tool + " " + r.Run.Version},
		{"Client", r.Client},
		{"Start", r.Start.UTC().Format("2006-01-02 15:04:05.000 MST")},
		{"Time", r.Wall.String() + state},
		{"Calls", countsText(r.Total)},
		{"Bytes", cli.FormatBytes(r.Total.Sent) + " sent, " + cli.FormatBytes(r.Total.Received) + " received"},
	} {
		if text := cli.OneLine(row[1]); text != "" {
			cli.WriteWrapped(&r.out, fmt.Sprintf("%-7s", row[0]), text)
		}
	}
}

// countsText counts the calls, and among them the retries, the errors and the answers, such as 404
// for a tag that is not there yet, that are none.
func countsText(g trace.Group) string {
	text := fmt.Sprint(g.Calls)
	if g.Connections > 0 {
		text += fmt.Sprintf(" on %d connections", g.Connections)
	}
	if g.Retries > 0 {
		text += fmt.Sprintf("; %d repeated", g.Retries)
	}
	if g.Failed > 0 {
		text += fmt.Sprintf("; %d without a complete answer", g.Failed)
	}
	if expected := statusesText(g.Expected); expected != "" {
		text += "; as expected: " + expected
	}
	if errors := statusesText(g.Errors); errors != "" {
		text += "; errors: " + errors
	}
	return text
}

// statusesText counts the answers with each status.
func statusesText(answers map[int]int) string {
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(answers)) {
		count := fmt.Sprint(status)
		if n := answers[status]; n > 1 {
			count += fmt.Sprintf(" (%d times)", n)
		}
		counts = append(counts, count)
	}
	return strings.Join(counts, ", ")
}

// reasons lists what the time was spent on.
func (r *reportText) reasons() {
	if len(r.Reasons) == 0 {
		return
	}
	fmt.Fprintf(&r.out, "\nHow the %s were spent:\n", r.Wall)
	const least = 0.01
	var rest float64
	for i, x := range r.Reasons {
		if i > 0 && x.Share < least || i >= r.top {
			rest += x.Share
			continue
		}
		cli.WriteWrapped(&r.out, fmt.Sprintf("%5.0f %% %7s  ", 100*x.Share, x.Time), reasonText(x))
	}
	if rest >= 0.005 {
		fmt.Fprintf(&r.out, "%5.0f %%          other\n", 100*rest)
	}
}

// path lists the longest calls of the critical path, in the order of time.
func (r *reportText) path() {
	if len(r.Path) == 0 {
		return
	}
	shown := slices.Clone(r.Path)
	took := func(s trace.Step) audit.Millis { return s.To - s.From }
	slices.SortStableFunc(shown, func(a, b trace.Step) int { return cmp.Compare(took(b), took(a)) })
	shown = shown[:min(len(shown), r.top)]
	slices.SortStableFunc(shown, func(a, b trace.Step) int { return cmp.Compare(a.From, b.From) })
	fmt.Fprintf(&r.out, "\nThe critical path, %d of %d calls one after another", len(r.Path), r.Total.Calls)
	if len(shown) < len(r.Path) {
		fmt.Fprintf(&r.out, "; the %d that took longest", len(shown))
	}
	rows := [][]string{{"AT", "TOOK", "CALL", "STATUS", "HOST", "", "WHAT"}}
	for _, s := range shown {
		rows = append(rows, []string{s.From.String(), took(s).String(), fmt.Sprint(s.Sequence), statusText(s.Status),
			cli.OneLine(s.Host), s.Method, s.Path})
	}
	fmt.Fprint(&r.out, ":\n", cli.Columns("rrrrlll", rows))
}

// statusText returns a status, or --- for a call without an answer.
func statusText(status int) string {
	if status == 0 {
		return "---"
	}
	return fmt.Sprint(status)
}

// calls counts the calls by host and endpoint.
func (r *reportText) calls() {
	rows := [][]string{{"", "CALLS", "RETRIES", "FAILED", "SENT", "RECEIVED", "CONNECTIONS", "ERRORS"}}
	add := func(title string, g trace.Group) {
		rows = append(rows, []string{title, fmt.Sprint(g.Calls), orDash(g.Retries), orDash(g.Failed),
			cli.FormatBytes(g.Sent), cli.FormatBytes(g.Received), orDash(g.Connections), statusesText(g.Errors)})
	}
	for _, h := range r.Hosts {
		add(cli.OneLine(h.Host), h.Group)
		for _, row := range h.Rows {
			add(rowTitle(row), row.Group)
		}
	}
	fmt.Fprint(&r.out, "\nCalls by host and endpoint of the distribution specification:\n",
		cli.Columns("lrrrrrrl", rows))
}

func rowTitle(row trace.Row) string { return fmt.Sprintf("  %-8s %s", row.Row, row.Title) }

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// times lists medians and 99th percentiles of each phase, by host and endpoint.
func (r *reportText) times() {
	phases := []trace.Activity{trace.Blocked, trace.DNS, trace.Connect, trace.TLS, trace.Send,
		trace.Wait, trace.Receive, trace.Total}
	head := []string{"", ""}
	for _, p := range phases {
		head = append(head, strings.ToUpper(string(p)))
	}
	rows := [][]string{head}
	for _, h := range r.Hosts {
		rows = append(rows, []string{cli.OneLine(h.Host)})
		for _, row := range h.Rows {
			median, p99 := []string{rowTitle(row), "median"}, []string{"", "p99"}
			for _, p := range phases {
				q, ok := row.Timings[p]
				if !ok {
					median, p99 = append(median, "-"), append(p99, "-")
					continue
				}
				median, p99 = append(median, q.Median.String()), append(p99, q.P99.String())
			}
			if rows = append(rows, median); row.Calls > 1 {
				rows = append(rows, p99)
			}
		}
	}
	fmt.Fprint(&r.out, "\nTimes of each phase, of the calls that had it:\n", cli.Columns("llrrrrrrrr", rows))
}

// blobs lists the blobs that took longest.
func (r *reportText) blobs() {
	if len(r.Blobs) == 0 {
		return
	}
	rows := [][]string{{"BLOB", "SIZE", "TIME", "PER SECOND", "CALLS", ""}}
	for _, b := range r.Blobs {
		direction := "from "
		if b.Sent {
			direction = "to "
		}
		rows = append(rows, []string{cli.OneLine(blob.Digest(b.Digest).Short()), cli.FormatBytes(b.Bytes),
			b.Time.String(), cli.FormatBytes(int64(b.Rate())), fmt.Sprint(b.Calls), direction + cli.OneLine(b.Host)})
	}
	more := ""
	if r.MoreBlobs > 0 {
		more = fmt.Sprintf(" (and %d more)", r.MoreBlobs)
	}
	fmt.Fprintf(&r.out, "\nBlobs that took longest%s:\n%s", more, cli.Columns("lrrrrl", rows))
}

// repeated lists what was asked for more than once.
func (r *reportText) repeated() {
	if len(r.Repeated) == 0 {
		return
	}
	rows := [][]string{{"TIMES", "CALL"}}
	for _, x := range r.Repeated[:min(len(r.Repeated), r.top)] {
		rows = append(rows, []string{fmt.Sprint(x.Times), x.Method + " " + x.Host + " " + x.Path})
	}
	more := ""
	if n := len(r.Repeated) - r.top; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	fmt.Fprintf(&r.out, "\nAsked for more than once%s:\n%s", more, cli.Columns("rl", rows))
}

// refusals lists the calls that a policy refused or cut off.
func (r *reportText) refusals() {
	if len(r.Refusals) == 0 {
		return
	}
	rows := [][]string{{"POLICY", "TIMES", "CALL"}}
	for _, x := range r.Refusals {
		rows = append(rows, []string{"--" + x.Policy, fmt.Sprint(x.Times), x.Method + " " + x.Host + " " + x.Path})
	}
	fmt.Fprint(&r.out, "\nRefused by a policy of the run:\n", cli.Columns("lrl", rows))
}
