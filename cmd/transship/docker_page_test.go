package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The lines of docs/docker.md run, top to bottom: those of the first table succeed, those of the
// second are refused.
func TestDockerPage(t *testing.T) {
	raw, err := os.ReadFile("../../docs/docker.md")
	if err != nil {
		t.Fatal(err)
	}
	works, refused, found := strings.Cut(string(raw), "These are refused")
	if !found {
		t.Fatal("the page has no second table")
	}
	s, p := startServer(t), newProgram(t)
	t.Chdir(t.TempDir())
	s.pushListOf("hczjl/halo", "1.6")
	s.pushListOf("hczjl/halo", "1.7")
	if err := os.WriteFile("pass", []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := p.runCells(works, s.host, 0); n < 25 {
		t.Errorf("%d lines run", n)
	}
	if n := p.runCells(refused, s.host, 2); n < 5 {
		t.Errorf("%d lines are refused", n)
	}
}

// pushListOf pushes a list of images for two platforms.
func (s *server) pushListOf(repo, tag string) {
	s.t.Helper()
	s.pushList(repo, tag, s.pushImage(repo, "", "linux/amd64", "amd64 "+tag), s.pushImage(repo, "", "linux/arm64", "arm64 "+tag))
}

// tableCell matches a cell of a table that is a command line.
var tableCell = regexp.MustCompile("(?m)\\| `transship ([^`]*)` \\|")

// runCells runs the command lines in the cells of tables, with HOST as the host, and returns how
// many there are.
func (p *program) runCells(page, host string, code int) int {
	p.t.Helper()
	lines := tableCell.FindAllStringSubmatch(page, -1)
	for _, line := range lines {
		text := strings.ReplaceAll(line[1], "HOST", host)
		text, out, toFile := strings.Cut(text, " > ")
		text, in, fromFile := strings.Cut(text, " < ")
		p.stdin = ""
		if fromFile {
			content, err := os.ReadFile(in)
			p.must(err)
			p.stdin = string(content)
		}
		o := p.run(shellWords(text)...).want(code)
		if toFile {
			p.must(os.WriteFile(out, []byte(o.stdout), 0o600))
		}
	}
	return len(lines)
}

// shellWords splits a line at spaces outside single quotes, as a shell does.
func shellWords(line string) []string {
	var out []string
	for _, word := range regexp.MustCompile(`(?:'[^']*'|[^' ])+`).FindAllString(line, -1) {
		out = append(out, strings.ReplaceAll(word, "'", ""))
	}
	return out
}
