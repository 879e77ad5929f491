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
	b.WriteString("Usage: transship COMMAND [flags] ARGUMENTS\n\nCommands:\n" + table(commands()))
	b.WriteString("\nFlags may stand before or after arguments, with one dash or two. transship COMMAND -h tells more.\n")
	b.WriteString("\nExit codes:\n")
	for _, e := range exitMeanings() {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.meaning)
	}
	return b.String()
}

// familyOverview is what "transship manifest -h" prints.
func familyOverview(family string) string {
	return fmt.Sprintf("Usage: transship %s COMMAND [flags] ARGUMENTS\n\nCommands:\n%s\ntransship %s COMMAND -h tells more.\n",
		family, table(membersOf(family)), family)
}

// table lists commands with what they do.
func table(list []command) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range list {
		fmt.Fprintf(w, "  %s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.short)
	}
	w.Flush()
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

// flagHelp lists the flags, each with its short name. A flag and its alias have one usage text.
func flagHelp(fs *flag.FlagSet) string {
	short := map[string]string{}
	fs.VisitAll(func(f *flag.Flag) {
		if len(f.Name) == 1 {
			short[f.Usage] = dashed(f.Name) + ", "
		}
	})
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fs.VisitAll(func(f *flag.Flag) {
		if len(f.Name) > 1 {
			value, usage := flag.UnquoteUsage(f)
			fmt.Fprintf(w, "  %4s%s\t%s\n", short[f.Usage], strings.TrimSpace(dashed(f.Name)+" "+value), usage)
		}
	})
	w.Flush()
	return b.String()
}
