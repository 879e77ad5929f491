package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/manifest"
)

// versionCommand is the command version.
func versionCommand() run.Command {
	return run.Command{
		Name: "version", Min: 0, Max: 0,
		Short:   "print the version",
		Example: "transship version",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.JSONFlag(fs)
			return func(_ context.Context, r *run.Run, _ []string) error {
				r.SetDocument(&versionDocument{
					Version: cli.Version, Revision: strings.TrimSuffix(revision(), ", "), GoVersion: runtime.Version(),
					Platform: manifest.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH},
				})
				fmt.Fprintf(r.Stdout, "transship %s (%s%s %s/%s)\n",
					cli.Version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return nil
			}
		},
	}
}

// versionDocument is what version --json prints.
type versionDocument struct {
	cli.Outcome
	Version   string            `json:"version"`
	Revision  string            `json:"revision,omitempty"` // the first digits of the commit
	GoVersion string            `json:"goVersion"`
	Platform  manifest.Platform `json:"platform"`
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
