package bundlediff

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/reference"
)

// text returns the difference for people.
func (d *Difference) text() string {
	return fmt.Sprintf("--- %s\n+++ %s\n", cli.OneLine(d.A.File), cli.OneLine(d.B.File)) + d.changes() + d.totals()
}

// changes returns the table of the images that changed.
func (d *Difference) changes() string {
	if len(d.Images) == 0 {
		return ""
	}
	rows := [][]string{{"", "IMAGE", "PLATFORM", "BEFORE", "AFTER", "ONLY THERE"}}
	for _, im := range d.Images {
		rows = append(rows, []string{mark(im.Kind), shortName(im.Name), "", short(im.A), short(im.B), im.Only.text()})
		for _, p := range im.Platforms {
			rows = append(rows, []string{mark(p.Kind), "", cli.OneLine(p.Platform), short(p.A), short(p.B), p.Only.text()})
		}
	}
	return dedent(cli.Columns("lllllr", rows))
}

// totals returns the table of how the bundles have their blobs.
func (d *Difference) totals() string {
	rows := [][]string{{"", "BEFORE", "AFTER"}, {"images", fmt.Sprint(d.A.Images), fmt.Sprint(d.B.Images)}}
	for _, row := range []struct {
		title string
		of    func(*Side) string
	}{
		{"blobs", func(s *Side) string { return s.Blobs.text() }},
		{"  only there", func(s *Side) string { return s.Only.text() }},
		{"  whole", func(s *Side) string { return s.Whole.text() }},
		{"  as deltas", (*Side).deltas},
		{"  left to its base", func(s *Side) string { return s.InBase.text() }},
	} {
		rows = append(rows, []string{row.title, row.of(&d.A), row.of(&d.B)})
	}
	return dedent(cli.Columns("lrr", rows))
}

// deltas says how large the deltas are, and what they are in place of.
func (s *Side) deltas() string {
	text := s.Deltas.text()
	if s.Deltas.Count > 0 {
		text += " in place of " + cli.FormatBytes(s.InPlaceOf)
	}
	return text
}

// text returns the number of blobs and their bytes, "-" for none.
func (s *Sum) text() string {
	if s == nil || s.Count == 0 {
		return "-"
	}
	return fmt.Sprintf("%d, %s", s.Count, cli.FormatBytes(s.Bytes))
}

// mark returns what a line of a change begins with.
func mark(k Kind) string { return map[Kind]string{Gone: "-", Added: "+", Moved: "~"}[k] }

// short returns a digest for a table.
func short(d blob.Digest) string {
	if d == "" {
		return "-"
	}
	return d.Short()
}

// shortName returns a name as users write it.
func shortName(name string) string {
	if ref, err := reference.Parse(name); err == nil && strings.Contains(name, "/") {
		return cli.ShortenDigests(ref.Familiar())
	}
	if d := blob.Digest(name); d.Validate() == nil {
		return d.Short()
	}
	return cli.OneLine(name)
}

// dedent removes what lines of a table begin with.
func dedent(table string) string {
	return strings.TrimPrefix(strings.ReplaceAll(table, "\n  ", "\n"), "  ")
}
