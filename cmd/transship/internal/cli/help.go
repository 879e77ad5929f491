package cli

import (
	"flag"
	"strings"
	"unicode/utf8"
)

// FlagRow is a flag as help lists it.
type FlagRow struct {
	Name  string // without dashes; of a flag with an [Alias] the long one
	Names string // as users type it: "-q, --quiet"
	Value string // what it takes, such as "file"; may be empty
	Usage string
}

// FlagRows returns the flags in the order of their names. A flag and its aliases are one row.
func FlagRows(fs *flag.FlagSet) []FlagRow {
	short, other := map[string]string{}, map[string]string{} // by long name
	fs.VisitAll(func(f *flag.Flag) {
		if a, ok := f.Value.(alias); ok && len(f.Name) == 1 {
			short[a.long] += Dashed(f.Name) + ", "
		} else if ok {
			other[a.long] += ", " + Dashed(f.Name)
		}
	})
	var rows []FlagRow
	fs.VisitAll(func(f *flag.Flag) {
		if _, ok := f.Value.(alias); !ok {
			value, usage := flag.UnquoteUsage(f)
			rows = append(rows, FlagRow{f.Name, short[f.Name] + Dashed(f.Name) + other[f.Name], value, usage})
		}
	})
	return rows
}

// flagColumn is where the usage texts begin, and narrowColumn where there is little room beside names.
const (
	flagColumn   = 26
	narrowColumn = 10
)

// WriteFlags writes rows in two columns, wrapped to a width in characters. Names that are too long
// for their column have a line of their own.
func WriteFlags(b *strings.Builder, rows []FlagRow, width int) {
	column := flagColumn
	if width < 2*flagColumn {
		column = narrowColumn
	}
	for _, row := range rows {
		label := "  " + row.Names
		if strings.HasPrefix(row.Names, "--") {
			label = "      " + row.Names // below the long names of flags that have a short one
		}
		label = strings.TrimRight(label+" "+row.Value, " ")
		if room := column - utf8.RuneCountInString(label); room >= 2 {
			label += strings.Repeat(" ", room)
		} else {
			b.WriteString(label + "\n")
			label = strings.Repeat(" ", column)
		}
		writeHanging(b, label, row.Usage, width)
	}
}

// Entry is a name with what it means.
type Entry struct{ Name, Text string }

// WriteEntries writes names and their meanings in two columns, wrapped to a width in characters. The
// names have room for least characters.
func WriteEntries(b *strings.Builder, entries []Entry, least, width int) {
	for _, e := range entries {
		least = max(least, utf8.RuneCountInString(e.Name))
	}
	for _, e := range entries {
		room := strings.Repeat(" ", least-utf8.RuneCountInString(e.Name)+2)
		writeHanging(b, "  "+e.Name+room, e.Text, width)
	}
}
