package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
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
