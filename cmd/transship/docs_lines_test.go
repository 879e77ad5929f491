package main

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

var (
	// codeLine matches a line of an indented block, and those of a fenced one.
	codeLine = regexp.MustCompile("(?ms)^```(?:sh|bash|console|yaml|ini|)\n(.*?)^```$|^    ([^\n]*)$")
	// besideLine matches what stands beside a command: a comment, or an explanation in a column of its own.
	besideLine = regexp.MustCompile(`\s+#.*$|\s{2,}.*$`)
	// ourCommand matches a command line up to the end of the command.
	ourCommand = regexp.MustCompile(`(?m)(?:^|[;&|(] ?)(?:\$ )?transship ((?:'[^']*'|"[^"]*"|[^;&|)<>'"])*)`)
)

// commandLines returns the lines of transship in the code of a page, without the program's name.
func commandLines(page string) []string {
	var out []string
	for _, block := range codeLine.FindAllStringSubmatch(page, -1) {
		text := strings.ReplaceAll(block[1]+block[2], "\\\n", " ")
		for line := range strings.Lines(text) {
			line = besideLine.ReplaceAllString(strings.TrimSpace(line), "")
			for _, m := range ourCommand.FindAllStringSubmatch(line, -1) {
				out = append(out, m[1])
			}
		}
	}
	return out
}

// The command lines of the READMEs and of docs name commands and flags that exist, with values that
// the flags take.
func TestCommandLinesOfDocuments(t *testing.T) {
	pages, err := fs.Glob(os.DirFS("../.."), "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, readmes()...) {
		for _, line := range commandLines(readPage(t, page)) {
			words := shellWords(line)
			if len(words) == 0 || words[0] == "help" || words[0] == "COMMAND" {
				continue
			}
			checked++
			command, args, err := find(words)
			if err != nil {
				t.Errorf("%s: transship %s: %v", page, line, err)
				continue
			}
			rest, err := cli.ParseFlags(flagsOf(command), args)
			if err != nil && !errors.Is(err, flag.ErrHelp) && !errors.Is(err, fs.ErrNotExist) { // a file need not be here
				t.Errorf("%s: transship %s: %v", page, line, err)
			}
			if command.Max >= 0 && len(rest) > command.Max {
				t.Errorf("%s: transship %s: %d arguments", page, line, len(rest))
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d lines are checked", checked)
	}
}
