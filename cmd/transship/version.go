package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

func versionCommand() command {
	return command{
		name: "version", min: 0, max: 0,
		short:   "print the version",
		example: "transship version",
		setup: func(*flag.FlagSet, *app) action {
			return func(_ context.Context, a *app, _ []string) error {
				fmt.Fprintf(a.stdout, "transship %s (%s%s %s/%s)\n", version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return nil
			}
		},
	}
}

// revision is the commit the program was built from, where the build noted it.
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
