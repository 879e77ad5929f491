package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestHelp holds the text of all help in one golden file, so that a change of it shows.
func TestHelp(t *testing.T) {
	p := newProgram(t)
	text := p.run("help").want(0).stdout
	for _, family := range []string{"manifest", "bench", "audit"} {
		text += "\n=== " + family + "\n" + p.run(family, "-h").want(0).stdout
	}
	for _, c := range commands() {
		text += "\n=== " + c.name + "\n" + p.run(append(strings.Fields(c.name), "-h")...).want(0).stdout
	}
	golden(t, "help.txt", text)
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range commands() {
		help := newProgram(t).run(append(strings.Fields(c.name), "-h")...).want(0).stdout
		for _, part := range []string{c.short, "Usage: transship " + c.name, "\nExample:\n  "} {
			if !strings.Contains(help, part) {
				t.Errorf("help of %s has no %q", c.name, part)
			}
		}
		if !strings.Contains(c.example, "transship "+c.name+" ") && !strings.Contains(c.example, "transship "+c.name) {
			t.Errorf("the example of %s does not call it", c.name)
		}
		flagsOf(c).VisitAll(func(f *flag.Flag) {
			value, usage := flag.UnquoteUsage(f)
			if usage == "" || value == "value" || value == "int" || value == "string" {
				t.Errorf("%s: flag %s does not say what it takes and does: %q %q", c.name, f.Name, value, usage)
			}
			if !strings.Contains(help, dashed(f.Name)) {
				t.Errorf("help of %s does not have %s", c.name, dashed(f.Name))
			}
		})
	}
}

// flagsOf returns a command's flags, none of them set.
func flagsOf(c command) *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(fs, newApp(newStreams(func(string) string { return "" }, nil, nil, nil)))
	return fs
}

// Examples are command lines that the program understands.
func TestExamplesParse(t *testing.T) {
	for _, c := range commands() {
		for line := range strings.Lines(c.example) {
			_, line, _ = strings.Cut(line, "transship ")
			line, _, _ = strings.Cut(line, "|")
			line, _, _ = strings.Cut(line, ">")
			found, rest, err := find(strings.Fields(line))
			if err != nil || found.name != c.name {
				t.Errorf("example %q of %s calls %q, error %v", line, c.name, found.name, err)
				continue
			}
			args, err := parse(flagsOf(c), rest)
			if err != nil || len(args) < c.min || c.max >= 0 && len(args) > c.max {
				t.Errorf("example %q of %s: %d arguments, error %v", line, c.name, len(args), err)
			}
		}
	}
}

func TestWaysToAskForHelp(t *testing.T) {
	p := newProgram(t)
	overview, copying, family := p.run("help").stdout, p.run("copy", "-h").stdout, p.run("manifest", "-h").stdout
	for line, want := range map[string]string{
		"-h": overview, "-help": overview, "--help": overview,
		"help copy": copying, "copy --help": copying, "copy -help": copying, "copy a -h": copying, "copy a b --flatten -h x": copying,
		"help manifest": family, "manifest --help": family,
		"help manifest push": p.run("manifest", "push", "-h").stdout,
	} {
		if o := p.run(strings.Fields(line)...).want(0); o.stdout != want || o.stderr != "" {
			t.Errorf("%s\nprints %q and %q", o.line, o.stdout, o.stderr)
		}
	}
	if o := p.run(); o.stdout != "" || !strings.HasPrefix(o.stderr, overview) {
		t.Errorf("without arguments: %q and %q", o.stdout, o.stderr)
	}
}

// The overview, the README and the constants say the same of exit codes.
func TestExitCodesAreDocumented(t *testing.T) {
	help := newProgram(t).run("help").stdout
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exitMeanings() {
		if !strings.Contains(help, fmt.Sprintf("  %3d  %s\n", e.code, e.meaning)) {
			t.Errorf("the overview lacks %d %s", e.code, e.meaning)
		}
		if !strings.Contains(string(readme), fmt.Sprintf("\n| %d | %s |\n", e.code, e.meaning)) {
			t.Errorf("the README's table of exit codes lacks %d, %s", e.code, e.meaning)
		}
	}
}
