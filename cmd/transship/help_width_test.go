package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// helpPages returns what help prints of everything, by the command line.
func helpPages(p *program) map[string]string {
	lines := []string{"help"}
	for _, topic := range topics() {
		lines = append(lines, "help "+topic.name)
	}
	for _, c := range commands() {
		family, _, _ := strings.Cut(c.Name, " ")
		lines = append(lines, c.Name+" -h", family+" -h")
	}
	pages := map[string]string{}
	for _, line := range lines {
		pages[line] = p.run(strings.Fields(line)...).want(0).stdout
	}
	return pages
}

// No line of help is wider than the terminal. Example command lines are not wrapped, so that they
// can be copied.
func TestHelpFitsTheTerminal(t *testing.T) {
	for _, width := range []int{60, 80, 132} {
		p := newProgram(t)
		p.env["COLUMNS"] = fmt.Sprint(width)
		for name, page := range helpPages(p) {
			widest := 0
			for line := range strings.Lines(page) {
				line = strings.TrimSuffix(line, "\n")
				n := utf8.RuneCountInString(line)
				example := strings.Contains(line, "transship ") ||
					strings.HasPrefix(name, "help ") && strings.HasPrefix(line, "    ")
				if n > width && !example {
					t.Errorf("%s: %d characters, COLUMNS=%d: %s", name, n, width, line)
				}
				widest = max(widest, n)
			}
			if strings.HasPrefix(name, "copy") && widest < width-10 {
				t.Errorf("%s: COLUMNS=%d, and no line has more than %d characters", name, width, widest)
			}
		}
	}
}

// Help of a command has its flags in groups, and explains once, on a page of their own, those of all
// commands.
func TestHelpGroups(t *testing.T) {
	p := newProgram(t)
	copying, tags, flags := p.run("copy", "-h").stdout, p.run("tags", "-h").stdout, p.run("help", "flags").stdout
	var titles []string
	for line := range strings.Lines(copying) {
		if strings.HasSuffix(line, ":\n") && !strings.Contains(line, " ") {
			titles = append(titles, strings.TrimSpace(line))
		}
	}
	if want := []string{"Example:", "Flags:", "Registry:", "Speed:"}; !slices.Equal(titles, want) {
		t.Errorf("copy -h has the sections %q, want %q", titles, want)
	}
	if strings.Contains(tags, "Speed:") {
		t.Error("tags -h has a section without flags")
	}
	for _, common := range []string{"--max-wait", "--verbose", "--audit", "--read-only"} {
		for name, page := range map[string]string{"copy": copying, "tags": tags} {
			if strings.Contains(page, "  "+common) || strings.Count(page, common+",")+strings.Count(page, common+"\n") != 1 {
				t.Errorf("%s -h does not name %s in one line", name, common)
			}
		}
		if !strings.Contains(flags, common+" ") {
			t.Errorf("help flags does not explain %s", common)
		}
	}
	for _, both := range []string{"--src-creds, --dst-creds user:password\n", "--src-insecure, --dst-insecure\n"} {
		if !strings.Contains(copying, both) {
			t.Errorf("copy -h has no row %q", both)
		}
	}
}

// Every command is in one group of the overview, in one line of 80 characters, and each group has a
// title.
func TestOverviewGroups(t *testing.T) {
	page := newProgram(t).run("help").stdout
	for _, g := range commandGroups() {
		_, section, ok := strings.Cut(page, "\n"+g.title+":\n")
		section, _, _ = strings.Cut(section, "\n\n")
		if !ok || len(g.commands) == 0 {
			t.Errorf("the overview has no group %q", g.title)
		}
		for _, c := range g.commands {
			if !strings.Contains(section+"\n", "  "+c.Short+"\n") || !strings.Contains(section, "  "+c.Name+"  ") {
				t.Errorf("%s is not in the group %q", c.Name, g.title)
			}
		}
	}
}
