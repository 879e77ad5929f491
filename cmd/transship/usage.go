package main

import (
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
)

// overview is what "transship help" prints.
func overview() string {
	var b strings.Builder
	b.WriteString("transship re-hosts multi-architecture container images between registries, every digest and byte kept.\n\n")
	b.WriteString("Usage: transship COMMAND [flags] ARGUMENTS\n\nCommands:\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.short)
	}
	w.Flush()
	b.WriteString("\nFlags may stand before or after arguments, with one dash or two. transship COMMAND -h tells more.\n")
	b.WriteString("\nExit codes: " + exitCodes() + "\n")
	return b.String()
}

// help is what "transship COMMAND -h" prints.
func (c command) help(fs *flag.FlagSet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: transship %s\n", c.short, strings.TrimSpace(c.name+" [flags] "+c.args))
	if c.long != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.long))
	}
	if c.example != "" {
		b.WriteString("\nExample:\n")
		for line := range strings.SplitSeq(strings.TrimSpace(c.example), "\n") {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(line))
		}
	}
	if flags := flagHelp(fs); flags != "" {
		b.WriteString("\nFlags:\n" + flags)
	}
	return b.String()
}

// flagHelp lists the flags; the kind of value stands in backquotes in each flag's usage text.
func flagHelp(fs *flag.FlagSet) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fs.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		dashes := "--"
		if len(f.Name) == 1 {
			dashes = "-"
		}
		fmt.Fprintf(w, "  %s\t%s\n", strings.TrimSpace(dashes+f.Name+" "+value), usage)
	})
	w.Flush()
	return b.String()
}
