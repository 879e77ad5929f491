package compare

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

// Method says in one paragraph how the numbers were made.
func (r *Report) Method() string {
	n := r.Comparisons()
	text := "Medians of the samples, with 95% confidence intervals by order statistics: rounds, or of bench mix the slices of the time. " +
		"Each is compared with the first one that has the row, by the Mann-Whitney U test at 5%: its median is so many times that one's."
	if n > 0 {
		text += fmt.Sprintf(" Comparisons made: %d. Of so many, about %.2g would differ by chance alone.", n, bench.Significance*float64(n))
	}
	return text + " Samples of one run share its moment: only runs on other days, or in turns, tell a registry from its hour."
}

// Text returns the report for a terminal. columns formats rows of cells as a table, as cli.Columns does.
func (r *Report) Text(columns func(align string, rows [][]string) string) string {
	var b strings.Builder
	var rows [][]string
	for i, g := range r.Groups {
		rows = append(rows, g.rows()...)
		if i+1 == len(r.Groups) || r.Groups[i+1].Work != g.Work {
			fmt.Fprintf(&b, "\n%s\n%s", g.Work, columns("lrlw", rows))
			rows = nil
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// rows returns a title, and a row for each label.
func (g Group) rows() [][]string {
	rows := [][]string{{g.Name}}
	for i, e := range g.Entries {
		rows = append(rows, []string{"  " + e.Label, g.unit.format(e.Interval.Median), g.Range(e), g.Verdict(i)})
	}
	return rows
}
