package conformance

import (
	"os"
	"strings"
	"testing"
)

const (
	page  = "../../docs/registries.md"
	begin = "<!-- made by make conformance -->\n"
	end   = "<!-- end -->\n"
)

// table returns what probe says of the registries, a row a line.
func table(t testing.TB, rows []probedRow) string {
	t.Helper()
	var b strings.Builder
	names, titles := []string{}, []string{}
	for _, at := range append(everywhere(), peer{name: "zot", title: "zot"}, peer{name: "olareg", title: "olareg"}) {
		if at.title != "" {
			names, titles = append(names, at.name), append(titles, at.title)
		}
	}
	b.WriteString("| row | the registry | " + strings.Join(titles, " | ") + " |\n|---|---|" + strings.Repeat("---|", len(titles)) + "\n")
	for _, row := range rows {
		cells := []string{row.Row, row.What}
		for _, name := range names {
			cells = append(cells, load(t, name).Probe[row.ID])
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}

// The table of docs/registries.md is that of the kept runs.
func TestTable(t *testing.T) {
	t.Parallel()
	want := table(t, probe(t, everywhere()[2].start(t)).Rows)
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		t.Errorf("%s has no place for the table", page)
	case *update:
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case got != want:
		t.Errorf("the table of %s is another one; go test -run TestTable -update makes it:\n%s", page, want)
	}
}
