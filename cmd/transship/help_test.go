package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// TestHelp compares the help of all commands with one golden file.
func TestHelp(t *testing.T) {
	p := newProgram(t)
	p.env["COLUMNS"] = "80"
	text := p.run("help").want(0).stdout
	for _, topic := range topics() {
		text += "\n=== help " + topic.name + "\n" + p.run("help", topic.name).want(0).stdout
	}
	for _, family := range []string{"manifest", "bench", "audit", "image"} {
		text += "\n=== " + family + "\n" + p.run(family, "-h").want(0).stdout
	}
	for _, c := range commands() {
		text += "\n=== " + c.Name + "\n" + p.run(append(strings.Fields(c.Name), "-h")...).want(0).stdout
	}
	for _, t := range topics() {
		text += "\n=== help " + t.name + "\n" + p.run("help", t.name).want(0).stdout
	}
	golden(t, "help.txt", text)
}

func TestHelpOfEveryCommand(t *testing.T) {
	p := newProgram(t)
	p.env["COLUMNS"] = "200"
	for _, c := range commands() {
		help := p.run(append(strings.Fields(c.Name), "-h")...).want(0).stdout
		for _, part := range []string{c.Short, "Usage: transship " + c.Name, "\nExample:\n  "} {
			if !strings.Contains(help, part) {
				t.Errorf("help of %s has no %q", c.Name, part)
			}
		}
		if !strings.Contains(c.Example, "transship "+c.Name+" ") && !strings.Contains(c.Example, "transship "+c.Name) {
			t.Errorf("the example of %s does not call it", c.Name)
		}
		flagsOf(c).VisitAll(func(f *flag.Flag) {
			value, usage := flag.UnquoteUsage(f)
			if usage == "" || value == "value" || value == "int" || value == "string" {
				t.Errorf("%s: flag %s does not say what it takes and does: %q %q", c.Name, f.Name, value, usage)
			}
			if !strings.Contains(help, cli.Dashed(f.Name)) {
				t.Errorf("help of %s does not have %s", c.Name, cli.Dashed(f.Name))
			}
		})
	}
}

// flagsOf returns a command's flags, all unset.
func flagsOf(c run.Command) *flag.FlagSet {
	fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	c.Setup(fs, run.New(cli.NewStreams(func(string) string { return "" }, nil, nil, nil)))
	return fs
}

// The examples in help are valid command lines.
func TestExamplesParse(t *testing.T) {
	for _, c := range commands() {
		for line := range strings.Lines(c.Example) {
			_, line, _ = strings.Cut(line, "transship ")
			line, _, _ = strings.Cut(line, "|")
			line, _, _ = strings.Cut(line, ">")
			found, rest, err := find(strings.Fields(line))
			if err != nil || found.Name != c.Name {
				t.Errorf("example %q of %s calls %q, error %v", line, c.Name, found.Name, err)
				continue
			}
			args, err := cli.ParseFlags(flagsOf(c), rest)
			if err != nil || len(args) < c.Min || c.Max >= 0 && len(args) > c.Max {
				t.Errorf("example %q of %s: %d arguments, error %v", line, c.Name, len(args), err)
			}
		}
	}
}

func TestHelpSpellings(t *testing.T) {
	p := newProgram(t)
	overview, copying, family := p.run("help").stdout, p.run("copy", "-h").stdout, p.run("manifest", "-h").stdout
	for line, want := range map[string]string{
		"-h": overview, "-help": overview, "--help": overview,
		"help copy": copying, "copy --help": copying, "copy -help": copying, "copy a -h": copying,
		"copy a b --flatten -h x": copying,
		"help manifest":           family, "manifest --help": family,
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

// The overview, docs/usage.md and the constants list the same exit codes.
func TestExitCodesAreDocumented(t *testing.T) {
	p := newProgram(t)
	p.env["COLUMNS"] = "200"
	help := p.run("help").stdout
	page, err := os.ReadFile("../../docs/usage.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range cli.ExitMeanings() {
		if !strings.Contains(help, fmt.Sprintf("  %3d  %s\n", e.Code, e.Meaning)) {
			t.Errorf("the overview lacks %d %s", e.Code, e.Meaning)
		}
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | %s |\n", e.Code, e.Meaning)) {
			t.Errorf("docs/usage.md lacks exit code %d, %s", e.Code, e.Meaning)
		}
	}
}
