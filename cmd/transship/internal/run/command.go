package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// Action runs a command whose flags are set. args are the arguments without flags.
type Action func(ctx context.Context, r *Run, args []string) error

// Command is a row of the table of commands.
type Command struct {
	Name    string   // as typed after "transship"; "manifest push" for one of a family
	Aliases []string // other names that do the same, such as docker's "image push"
	Args    string   // the arguments in the usage line
	Short   string   // one line, for the overview
	Long    string   // what the flags do not say; may be empty
	Example string   // command lines, one a line
	Min     int      // least number of arguments
	Max     int      // greatest number of arguments; -1 for any
	// Setup registers the flags and returns what runs once they are set.
	Setup func(fs *flag.FlagSet, r *Run) Action
}

// Spellings returns the command under each of its names, its own first.
func (c Command) Spellings() []Command {
	out := []Command{c}
	for _, name := range c.Aliases {
		other := c
		other.Name, other.Aliases = name, append([]string{c.Name}, without(c.Aliases, name)...)
		out = append(out, other)
	}
	return out
}

// without returns the names but one.
func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == name })
}

// Execute parses the flags and runs the command.
func (c Command) Execute(ctx context.Context, r *Run, args []string) error {
	fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	act := c.Setup(fs, r)
	rest, literal, err := cli.SplitFlags(fs, args)
	r.Literal, rest = len(literal), append(rest, literal...)
	if errors.Is(err, flag.ErrHelp) {
		r.JSON = false
		fmt.Fprint(r.Stdout, c.help(fs, r))
		return nil
	}
	if err != nil {
		r.JSON = wantsJSON(fs, args)
		return err
	}
	r.JSON = r.JSON || r.Plan.Format == "json"
	if len(rest) < c.Min || c.Max >= 0 && len(rest) > c.Max {
		return &cli.UsageError{
			Message: fmt.Sprintf("want %s, got %d argument%s", c.wanted(), len(rest), cli.Plural(len(rest))),
			Advice:  "usage: transship " + strings.TrimSpace(c.Name+" [flags] "+c.Args),
		}
	}
	if err := r.configure(ctx, fs); err != nil {
		return err
	}
	for _, f := range r.prepare {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return r.do(ctx, act, fs, args, rest)
}

// wanted returns the arguments as a message names them.
func (c Command) wanted() string {
	if c.Args == "" {
		return "no arguments"
	}
	return c.Args
}

// help returns what "transship COMMAND -h" prints.
func (c Command) help(fs *flag.FlagSet, r *Run) string {
	width := r.Width()
	name := c.Name
	if len(cli.FlagRows(fs)) > 0 {
		name += " [flags]"
	}
	usage := "Usage: transship " + strings.TrimSpace(name+" "+c.Args)
	usage = cli.Reflow(usage, width)
	if len(c.Aliases) > 0 {
		usage += cli.Reflow("The same: transship "+strings.Join(c.Aliases, ", transship "), width)
	}
	parts := []string{cli.Reflow(c.Short, width), usage}
	if c.Long != "" {
		parts = append(parts, cli.Reflow(c.Long, width))
	}
	parts = append(parts, exampleHelp(c.Example))
	return strings.Join(append(parts, r.flagHelp(fs)...), "\n")
}

// exampleHelp returns the section of examples. They are not wrapped: users copy them.
func exampleHelp(examples string) string {
	out := "Example:\n"
	for line := range strings.SplitSeq(strings.TrimSpace(examples), "\n") {
		out += "  " + strings.TrimSpace(line) + "\n"
	}
	return out
}
