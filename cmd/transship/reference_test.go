package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// docs/reference has a Markdown page and docs/man a man page for each command, written from the table
// of commands: go test ./cmd/transship -run TestReference -update.
func TestReference(t *testing.T) {
	pages := map[string]string{}
	var index strings.Builder
	index.WriteString("# Commands\n\nThese pages are written from the program's own help; so are the man pages in docs/man.\n")
	for _, g := range commandGroups() {
		fmt.Fprintf(&index, "\n## %s\n\n", g.title)
		for _, c := range g.commands {
			page := newReferencePage(t, c)
			pages["reference/"+page.file()+".md"] = page.markdown()
			pages["man/transship-"+page.file()+".1"] = page.man()
			fmt.Fprintf(&index, "- [%s](%s.md): %s\n", c.Name, page.file(), escapeMarkdown(c.Short))
		}
	}
	index.WriteString("\n## More help\n\n")
	for _, topic := range topics() {
		fmt.Fprintf(&index, "- `transship help %s`: %s\n", topic.name, topic.short)
	}
	pages["reference/README.md"] = index.String()
	pages["man/transship.1"] = overviewMan()
	for name, text := range pages {
		golden(t, filepath.Join("../../../docs", name), text)
	}
	for _, dir := range []string{"reference", "man"} {
		files, err := os.ReadDir(filepath.Join("../../docs", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if _, ok := pages[dir+"/"+f.Name()]; !ok {
				t.Errorf("docs/%s/%s is of no command", dir, f.Name())
			}
		}
	}
}

// referencePage is what the pages of a command are written from.
type referencePage struct {
	run.Command
	flags []cli.FlagRow
}

func newReferencePage(t *testing.T, c run.Command) referencePage {
	t.Helper()
	fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	c.Setup(fs, run.New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil)))
	return referencePage{c, cli.FlagRows(fs)}
}

// file returns the name of the page's files without an ending.
func (p referencePage) file() string { return strings.ReplaceAll(p.Name, " ", "-") }

func (p referencePage) synopsis() string {
	return "transship " + strings.TrimSpace(p.Name+" [flags] "+p.Args)
}

func (p referencePage) examples() []string {
	var out []string
	for line := range strings.Lines(p.Example) {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// blocks returns the paragraphs of Long, and blocks of the lines in it that stand for themselves.
func (p referencePage) blocks() (out []referenceBlock) {
	for line := range strings.SplitSeq(strings.TrimSpace(p.Long), "\n") {
		verbatim := strings.HasPrefix(line, "  ")
		last := len(out) - 1
		switch {
		case strings.TrimSpace(line) == "":
			out = append(out, referenceBlock{})
		case last >= 0 && (out[last].lines == nil || out[last].verbatim == verbatim):
			out[last].verbatim = verbatim
			out[last].lines = append(out[last].lines, line)
		default:
			out = append(out, referenceBlock{verbatim, []string{line}})
		}
	}
	return slices.DeleteFunc(out, func(b referenceBlock) bool { return b.lines == nil })
}

type referenceBlock struct {
	verbatim bool
	lines    []string
}

// markdown returns the page in docs/reference.
func (p referencePage) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# transship %s\n\n%s\n\n    %s\n", p.Name, escapeMarkdown(p.Short), p.synopsis())
	if len(p.Aliases) > 0 {
		fmt.Fprintf(&b, "\nThe same: `transship %s`\n", strings.Join(p.Aliases, "`, `transship "))
	}
	for _, block := range p.blocks() {
		b.WriteString("\n")
		for _, line := range block.lines {
			if block.verbatim {
				b.WriteString("    " + strings.TrimPrefix(line, "  ") + "\n")
			} else {
				b.WriteString(escapeMarkdown(line) + "\n")
			}
		}
	}
	b.WriteString("\n## Examples\n\n")
	for _, line := range p.examples() {
		b.WriteString("    " + line + "\n")
	}
	if len(p.flags) > 0 {
		b.WriteString("\n## Flags\n\n")
	}
	for _, f := range p.flags {
		fmt.Fprintf(&b, "- `%s`: %s\n", strings.TrimSpace(f.Names+" "+f.Value), escapeMarkdown(f.Usage))
	}
	return b.String()
}

// escapeMarkdown returns a text that Markdown shows as it is.
func escapeMarkdown(s string) string {
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "<", "&lt;", "[", "\\[", "]", "\\]", "`", "\\`").Replace(s)
}

// man returns the page in docs/man (man(7)).
func (p referencePage) man() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH TRANSSHIP\\-%s 1 \"\" \"transship\"\n", escapeMan(strings.ToUpper(p.file())))
	fmt.Fprintf(&b, ".SH NAME\ntransship\\-%s \\- %s\n", escapeMan(p.file()), escapeMan(p.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n%s\n", escapeMan(p.synopsis()))
	if len(p.Aliases) > 0 {
		fmt.Fprintf(&b, ".PP\nThe same: transship %s\n", escapeMan(strings.Join(p.Aliases, ", transship ")))
	}
	if p.Long != "" {
		b.WriteString(".SH DESCRIPTION\n")
	}
	for _, block := range p.blocks() {
		b.WriteString(".PP\n")
		writeManLines(&b, block.lines, block.verbatim)
	}
	if len(p.flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
	}
	for _, f := range p.flags {
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fR", escapeMan(f.Names))
		if f.Value != "" {
			fmt.Fprintf(&b, " \\fI%s\\fR", escapeMan(f.Value))
		}
		b.WriteString("\n" + escapeMan(f.Usage) + "\n")
	}
	b.WriteString(".SH EXAMPLES\n")
	writeManLines(&b, p.examples(), true)
	b.WriteString(".SH EXIT STATUS\ntransship help exit lists the codes.\n.SH SEE ALSO\ntransship(1)\n")
	return b.String()
}

// overviewMan returns the page transship(1).
func overviewMan() string {
	var b strings.Builder
	b.WriteString(".TH TRANSSHIP 1 \"\" \"transship\"\n.SH NAME\ntransship \\- copies multi\\-architecture container images\n")
	b.WriteString(".SH SYNOPSIS\ntransship COMMAND [flags] ARGUMENTS\n.SH DESCRIPTION\n")
	b.WriteString("Copies container images with all their platforms between registries, archives and folders, without a daemon. " +
		"Every digest and byte stays the same.\n")
	for _, g := range commandGroups() {
		fmt.Fprintf(&b, ".SS %s\n", escapeMan(g.title))
		for _, c := range g.commands {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", escapeMan(c.Name), escapeMan(c.Short))
		}
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range cli.ExitMeanings() {
		fmt.Fprintf(&b, ".TP\n\\fB%d\\fR\n%s\n", e.Code, escapeMan(e.Meaning))
	}
	b.WriteString(".SH ENVIRONMENT\n")
	for _, v := range environment() {
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", escapeMan(strings.ReplaceAll(v.names, " ", ", ")), escapeMan(v.does))
	}
	return b.String()
}

func writeManLines(b *strings.Builder, lines []string, verbatim bool) {
	if verbatim {
		b.WriteString(".nf\n")
	}
	for _, line := range lines {
		b.WriteString(escapeMan(line) + "\n")
	}
	if verbatim {
		b.WriteString(".fi\n")
	}
}

// escapeMan returns a text that man(7) shows as it is, also at the start of a line.
func escapeMan(s string) string {
	s = strings.NewReplacer("\\", "\\e", "-", "\\-").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = "\\&" + s
	}
	return s
}
