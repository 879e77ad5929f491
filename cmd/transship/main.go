// Command transship moves multi-architecture container images between registries, every digest and byte kept.
// It needs no daemon. Run "transship help" for the commands.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// version is the release that this source is on the way to.
const version = "0.1.0"

// collectAt is by how much the heap grows, in percent, before it is collected. Blobs are never on it, so that this is a
// matter of a few megabytes, in runs of many images.
const collectAt = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := interruptible(context.Background())
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// interruptible is cancelled by the first interrupt or termination signal; a second one ends the program at once.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel(errInterrupted)
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// run is the whole program but for its process: it returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	return newApp(newStreams(env, stdin, stdout, stderr)).run(ctx, args)
}
