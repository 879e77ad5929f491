package main

import (
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// topic is a page of help that is about no single command.
type topic struct {
	name  string // as typed after "transship help"
	short string // one line, for the overview
	page  func(s *cli.Streams) string
}

// topics returns the table of topics, in the order of the overview.
func topics() []topic {
	return []topic{
		{"flags", "the flags that commands have in common", run.FlagsPage},
		{"lists", "lists of images, and patterns of tags", listHelpPage},
		{"signatures", "the policy of --require-signature", signaturesPage},
		{"expect", "the file of --expect", expectPage},
		{"exit", "the exit codes", exitPage},
		{"environment", "the environment variables", environmentPage},
	}
}

// printTopic prints the page of a topic and reports whether there is one of that name.
func printTopic(r *run.Run, name string) bool {
	for _, t := range topics() {
		if t.name == name {
			fmt.Fprint(r.Stdout, t.page(r.Streams))
			return true
		}
	}
	return false
}

// listHelpPage returns what "transship help lists" prints.
func listHelpPage(s *cli.Streams) string { return cli.Reflow(image.ListHelp, s.Width()) }

// signaturesPage returns what "transship help signatures" prints.
func signaturesPage(s *cli.Streams) string { return cli.Reflow(gate.Help, s.Width()) }

// exitPage returns what "transship help exit" prints.
func exitPage(s *cli.Streams) string {
	var b strings.Builder
	b.WriteString(cli.Reflow("The exit codes, on which scripts may rely:", s.Width()))
	writeExitCodes(&b, s.Width())
	b.WriteString("\n" + cli.Reflow("If every image of a load, delete or sync failed for reasons of one code, the code is that "+
		"one, not 8. On failure the last line on standard error says why; a line after it that begins with hint: says "+
		"what to try.", s.Width()))
	return b.String()
}

// topicNames returns the names of the topics.
func topicNames() []string {
	var out []string
	for _, t := range topics() {
		out = append(out, t.name)
	}
	return out
}
