package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/hczjl/transship/distribution/bench"
)

// action is what a command does once its flags are set.
type action func(ctx context.Context, a *app, args []string) error

// command is one row of the table of commands.
type command struct {
	name    string // as typed after "transship", with a space for those of a family
	args    string // the arguments, as shown in the usage line
	short   string // one line for the overview
	long    string // what a user must know beyond the flags; may be empty
	example string // command lines
	min     int    // how few arguments
	max     int    // how many, -1 for any number
	setup   func(fs *flag.FlagSet, a *app) action
}

// commands is the table, in the order of the overview.
func commands() []command {
	return []command{
		copyCommand(),
		manifestCreateCommand(),
		manifestAnnotateCommand(),
		manifestPushCommand(),
		manifestInspectCommand(),
		manifestRmCommand(),
		pullCommand(),
		imagesCommand(),
		tagCommand(),
		pushCommand(),
		rmiCommand(),
		pruneCommand(),
		saveCommand(),
		loadCommand(),
		verifyCommand(),
		syncCommand(),
		serveCommand(),
		inspectCommand(),
		tagsCommand(),
		digestCommand(),
		benchCommand(bench.Push),
		benchCommand(bench.Pull),
		benchCommand(bench.Copy),
		benchCommand(bench.Mount),
		benchCommand(bench.Resolve),
		auditVerifyCommand(),
		auditShowCommand(),
		auditWaterfallCommand(),
		auditCurlCommand(),
		auditDiffCommand(),
		loginCommand(),
		logoutCommand(),
		demoCommand(),
		versionCommand(),
	}
}

// find returns the command that the arguments begin with, and the arguments after it.
func find(args []string) (command, []string, error) {
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return c, args[len(words):], nil
		}
	}
	return command{}, nil, unknownCommand(args)
}

// unknownCommand names the command that is nearest to what was typed.
func unknownCommand(args []string) error {
	if strings.HasPrefix(args[0], "-") {
		flag, _, _ := strings.Cut(args[0], "=") // what follows may be a password
		return &usageError{message: "there is no command before " + flag, advice: "usage: transship COMMAND [flags] ARGUMENTS"}
	}
	typed, names, hint := args[0], families(), "transship help lists the commands"
	if members := membersOf(typed); len(members) > 0 {
		hint = fmt.Sprintf("transship %s -h lists the commands", typed)
		if len(args) == 1 {
			return &usageError{message: typed + " needs a command after it", advice: hint}
		}
		typed, names = typed+" "+args[1], nil
		for _, c := range members {
			names = append(names, c.name)
		}
	}
	if name := nearest(typed, names); name != "" {
		hint = fmt.Sprintf("did you mean %s? %s", name, hint)
	}
	return &usageError{message: fmt.Sprintf("unknown command %q", typed), advice: hint}
}

// families returns the first words of all commands.
func families() []string {
	var out []string
	for _, c := range commands() {
		first, _, _ := strings.Cut(c.name, " ")
		if len(out) == 0 || out[len(out)-1] != first {
			out = append(out, first)
		}
	}
	return out
}

// membersOf returns the commands of two words that begin with the family's.
func membersOf(family string) []command {
	var out []command
	for _, c := range commands() {
		if strings.HasPrefix(c.name, family+" ") {
			out = append(out, c)
		}
	}
	return out
}

// execute parses the flags and runs the command.
func (c command) execute(ctx context.Context, a *app, args []string) error {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	act := c.setup(fs, a)
	rest, err := parse(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(a.stdout, c.help(fs))
		return nil
	}
	if err != nil {
		return err
	}
	if len(rest) < c.min || c.max >= 0 && len(rest) > c.max {
		return &usageError{
			message: fmt.Sprintf("want %s, got %d argument%s", c.wanted(), len(rest), plural(len(rest))),
			advice:  "usage: transship " + strings.TrimSpace(c.name+" [flags] "+c.args),
		}
	}
	return a.do(ctx, act, fs, args, rest)
}

func (c command) wanted() string {
	if c.args == "" {
		return "no arguments"
	}
	return c.args
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
