package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// versionCommand is the command version.
func versionCommand() run.Command {
	return run.Command{
		Name: "version", Min: 0, Max: 0,
		Short:   "print the version",
		Example: "transship version",
		Setup: func(*flag.FlagSet, *run.Run) run.Action {
			return func(_ context.Context, r *run.Run, _ []string) error {
				fmt.Fprintf(r.Stdout, "transship %s (%s%s %s/%s)\n",
					cli.Version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return nil
			}
		},
	}
}

// revision returns the first digits of the commit that the program was built from, with a comma and
// a space, "" if the build did not record it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12] + ", "
		}
	}
	return ""
}
