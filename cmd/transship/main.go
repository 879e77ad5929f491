// Command transship moves multi-architecture container images between registries, with every digest
// and byte kept. It needs no daemon. Run "transship help" for the commands.
//
// This package starts the process, finds the command in the table and prints errors. Each group of
// commands is a package below internal; docs/architecture.md says how to add one.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/wire"
)

// gcPercent returns the default of GOGC. Blobs are never on the heap, so more frequent collections cost
// little and save a few megabytes. sync makes the garbage of 80 images at a time, and has little else:
// with 30 too a third of its time would go to collections, for three megabytes.
func gcPercent(args []string) int {
	if len(args) > 0 && args[0] == "sync" {
		return 50
	}
	return 30
}

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent(os.Args[1:]))
	}
	log.SetOutput(io.Discard) // net/http logs what a server sends after its response; it is no message for users
	ctx, stop := interruptible(context.Background())
	code := runLine(ctx, run.New(cli.NewStreams(os.Getenv, os.Stdin, os.Stdout, os.Stderr)), os.Args[1:])
	stop()
	os.Exit(code)
}

// interruptible returns a context that the first interrupt or termination signal cancels. A second
// signal ends the program at once.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel(cli.ErrInterrupted)
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// runLine runs a command line and returns the exit code.
func runLine(ctx context.Context, r *run.Run, args []string) int {
	err := dispatch(ctx, r, args)
	if err == nil {
		err = r.Stdout.Err()
	}
	if !cli.Has[*wire.PolicyError](err) { // a broken policy counts, also of a run that lasts until it is stopped
		err = cli.WrapInterrupted(ctx, err)
	}
	metricsErr := r.WriteMetrics(err)
	if err == nil {
		err = metricsErr
	}
	if printErr := r.PrintDocument(err); err == nil {
		err = printErr
	}
	return finish(r, err)
}

// dispatch finds the command and runs it, or prints an overview.
func dispatch(ctx context.Context, r *run.Run, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(r.Stderr, overview(r.Width()))
		return &cli.UsageError{Message: "a command is missing"}
	}
	if args[0] == "help" {
		if len(args) == 2 && printTopic(r, args[1]) {
			return nil
		}
		args = append(args[1:len(args):len(args)], "-h")
	}
	switch {
	case cli.IsHelp(args[0]):
		fmt.Fprint(r.Stdout, overview(r.Width()))
		return nil
	case len(args) == 2 && cli.IsHelp(args[1]) && len(membersOf(args[0])) > 0:
		fmt.Fprint(r.Stdout, familyOverview(args[0], r.Width()))
		return nil
	case len(args) == 2 && cli.IsHelp(args[1]) && printTopic(r, args[0]):
		return nil
	case args[0] == "--version" || args[0] == "-version":
		args = []string{"version"}
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	r.Command = c.Name
	return c.Execute(ctx, r, rest)
}

// finish prints an error with its hint and returns the exit code.
func finish(r *run.Run, err error) int {
	if err == nil {
		return cli.ExitDone
	}
	name := strings.TrimSpace("transship " + r.Command)
	r.Stderr.Line("%s: %s", name, cli.ShortenDigests(cli.OneLine(err.Error())))
	if hint := r.Hint(err); hint != "" {
		r.Stderr.Line("hint: %s", hint)
	}
	return run.ExitCode(err)
}

// find returns the command that the arguments begin with, and the arguments after it.
func find(args []string) (run.Command, []string, error) {
	for _, c := range spelled() {
		words := strings.Fields(c.Name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.Name {
			return c, args[len(words):], nil
		}
	}
	return run.Command{}, nil, unknownCommand(args)
}

// unknownCommand returns an error that suggests what to type instead.
func unknownCommand(args []string) error {
	if strings.HasPrefix(args[0], "-") {
		flag, _, _ := strings.Cut(args[0], "=") // the value may be a password
		return &cli.UsageError{
			Message: "a command must come before " + flag,
			Advice:  "usage: transship COMMAND [flags] ARGUMENTS",
		}
	}
	typed, names, hint := args[0], families(), "transship help lists the commands"
	if members := membersOf(typed); len(members) > 0 {
		hint = fmt.Sprintf("transship %s -h lists the commands", typed)
		if len(args) == 1 {
			return &cli.UsageError{Message: typed + " needs a command after it", Advice: hint}
		}
		typed, names = typed+" "+args[1], nil
		for _, c := range members {
			names = append(names, c.Name)
		}
	}
	if meant := suggestion(args, cli.Nearest(typed, names)); meant != "" {
		hint = meant + " " + hint
	}
	return &cli.UsageError{Message: fmt.Sprintf("unknown command %q", typed), Advice: hint}
}
