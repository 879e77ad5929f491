package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// overview returns what "transship help" prints.
func overview(width int) string {
	var b strings.Builder
	b.WriteString(cli.Reflow("transship copies multi-architecture container images between registries. "+
		"Every digest and byte stays the same.", width))
	b.WriteString("\nUsage: transship COMMAND [flags] ARGUMENTS\n")
	column := 0
	for _, c := range commands() {
		column = max(column, len(c.Name))
	}
	for _, g := range commandGroups() {
		b.WriteString("\n" + g.title + ":\n")
		cli.WriteEntries(&b, entries(g.commands), column, width)
	}
	b.WriteString("\nMore help:\n")
	more := []cli.Entry{{Name: "transship COMMAND -h", Text: "what a command does, its flags, and examples"}}
	for _, t := range topics() {
		more = append(more, cli.Entry{Name: "transship help " + t.name, Text: t.short})
	}
	more = append(more, cli.Entry{Name: "transship image -h", Text: "docker's other names, such as image ls"})
	cli.WriteEntries(&b, more, 0, width)
	b.WriteString("\nExit codes:\n")
	writeExitCodes(&b, width)
	return b.String()
}

// familyOverview returns what "transship manifest -h" prints.
func familyOverview(family string, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: transship %s COMMAND [flags] ARGUMENTS\n\nCommands:\n", family)
	cli.WriteEntries(&b, entries(membersOf(family)), 0, width)
	fmt.Fprintf(&b, "\nDetails: transship %s COMMAND -h\n", family)
	return b.String()
}

// entries returns commands with their short descriptions.
func entries(list []run.Command) []cli.Entry {
	var out []cli.Entry
	for _, c := range list {
		out = append(out, cli.Entry{Name: c.Name, Text: c.Short})
	}
	return out
}

// writeExitCodes writes the table of exit codes.
func writeExitCodes(b *strings.Builder, width int) {
	var out []cli.Entry
	for _, e := range cli.ExitMeanings() {
		out = append(out, cli.Entry{Name: fmt.Sprintf("%3d", e.Code), Text: e.Meaning})
	}
	cli.WriteEntries(b, out, 0, width)
}

// spelled returns the commands under all their names.
func spelled() []run.Command {
	var out []run.Command
	for _, c := range commands() {
		out = append(out, c.Spellings()...)
	}
	return out
}

// families returns the first words of all commands.
func families() []string {
	var out []string
	for _, c := range spelled() {
		first, _, _ := strings.Cut(c.Name, " ")
		if !slices.Contains(out, first) {
			out = append(out, first)
		}
	}
	return out
}

// membersOf returns the commands of a family, such as manifest: those of two words.
func membersOf(family string) []run.Command {
	var out []run.Command
	for _, c := range spelled() {
		if strings.HasPrefix(c.Name, family+" ") {
			out = append(out, c)
		}
	}
	return out
}
