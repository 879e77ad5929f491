package probe

import (
	"fmt"
	"io"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/wire"
)

// Verdict is whether a registry does what a row says.
type Verdict string

// The verdicts.
const (
	Yes       Verdict = "yes"
	No        Verdict = "no"
	Unknown   Verdict = "unknown"    // an answer tells neither
	NotTested Verdict = "not tested" // no call was made for the row
)

// Row is what a registry does in one respect.
type Row struct {
	ID      string  `json:"id"`            // such as mount-from; it never changes
	Spec    string  `json:"row,omitempty"` // of the specification's endpoint table, such as end-11
	What    string  `json:"what"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"` // what the registry has answered, or why the row is unknown or not tested
	Calls   []int64 `json:"calls"`  // that show it, by their numbers
}

// Call is one of the calls, as the record of --audit has it under the same number.
type Call struct {
	Number int64  `json:"number"`
	Row    string `json:"row"`
	Method string `json:"method"`
	URL    string `json:"url"`
	Status int    `json:"status"` // 0 if there was no answer
}

// Report is what probe --json prints.
type Report struct {
	cli.Outcome
	Registry   string   `json:"registry"`
	Repository string   `json:"repository,omitempty"`
	Write      bool     `json:"write"`
	Rows       []Row    `json:"rows"`
	Calls      []Call   `json:"calls"`
	Left       []string `json:"left"` // what was written and is not deleted
}

// finding is the outcome of a row's probe.
type finding struct {
	verdict Verdict
	detail  string
	shown   []*answer
}

func yes(detail string, shown ...*answer) finding     { return finding{Yes, detail, shown} }
func no(detail string, shown ...*answer) finding      { return finding{No, detail, shown} }
func unknown(detail string, shown ...*answer) finding { return finding{Unknown, detail, shown} }
func notTested(why string) finding                    { return finding{NotTested, why, nil} }

// either returns yes or no.
func either(isYes bool, detail string, shown ...*answer) finding {
	if isYes {
		return yes(detail, shown...)
	}
	return no(detail, shown...)
}

// add adds a row.
func (r *Report) add(at row, f finding) {
	out := Row{at.id, at.spec, at.what, f.verdict, cli.OneLine(f.detail), []int64{}}
	for _, a := range f.shown {
		for _, c := range a.calls {
			if c.Endpoint != wire.RowToken {
				out.Calls = append(out.Calls, c.Sequence)
			}
		}
	}
	r.Rows = append(r.Rows, out)
}

// finish notes the calls and what is left.
func (r *Report) finish(p *prober) {
	r.Repository, r.Write = p.repo, p.write
	for _, c := range p.calls(0) {
		r.Calls = append(r.Calls, Call{c.Sequence, c.Endpoint, c.Method, c.URL, c.StatusCode})
	}
	r.Left = append(r.Left, p.wrote.names()...)
}

// print prints the report for people. The rows that were not tested come last, by the reason.
func (r *Report) print(w io.Writer, width int) error {
	skipped, reasons := map[string][]string{}, []string{}
	var b strings.Builder
	name := r.Registry
	if r.Repository != "" {
		name += "/" + r.Repository
	}
	fmt.Fprintf(&b, "%s, %d calls\n\n", name, len(r.Calls))
	for _, row := range r.Rows {
		if row.Verdict != NotTested {
			fmt.Fprintf(&b, "%-8s %-7s  %s: %s%s\n", row.Spec, row.Verdict, row.What, row.Detail, numbers(row.Calls))
			continue
		}
		if skipped[row.Detail] == nil {
			reasons = append(reasons, row.Detail)
		}
		skipped[row.Detail] = append(skipped[row.Detail], row.What)
	}
	for _, why := range reasons {
		b.WriteString("\n" + cli.Reflow(fmt.Sprintf("not tested, %s: %s", why, strings.Join(skipped[why], "; ")), width))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// numbers returns the numbers of calls, as in " [3,4]".
func numbers(calls []int64) string {
	if len(calls) == 0 {
		return ""
	}
	return " " + strings.ReplaceAll(fmt.Sprint(calls), " ", ",")
}
