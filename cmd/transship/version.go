package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"

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
				info, _ := debug.ReadBuildInfo()
				d := newVersionDocument(info)
				r.SetDocument(&d)
				fmt.Fprintln(r.Stdout, d.line())
				return nil
			}
		},
	}
}

// versionDocument is what version --json prints. A build outside of a clone, such as that of
// go install, records no commit.
type versionDocument struct {
	cli.Outcome
	Version   string            `json:"version"`
	Commit    string            `json:"commit,omitempty"`
	Date      string            `json:"date,omitempty"`     // of the commit, RFC 3339
	Modified  bool              `json:"modified,omitempty"` // the source had changes that are not in the commit
	GoVersion string            `json:"goVersion"`
	Platform  manifest.Platform `json:"platform"`
}

// newVersionDocument describes the program by what the go command recorded in it, which may be nil.
func newVersionDocument(info *debug.BuildInfo) versionDocument {
	d := versionDocument{
		Version: cli.Version, GoVersion: runtime.Version(),
		Platform: manifest.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH},
	}
	if info == nil {
		return d
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			d.Commit = s.Value
		case "vcs.time":
			d.Date = s.Value
		case "vcs.modified":
			d.Modified = s.Value == "true"
		}
	}
	return d
}

// line returns the document as one line of text.
func (d versionDocument) line() string {
	commit := ""
	if d.Commit != "" {
		commit = fmt.Sprintf("commit %.12s", d.Commit)
		if d.Modified {
			commit += " with changes"
		}
		commit += fmt.Sprintf(" of %s, ", d.Date)
	}
	return fmt.Sprintf("transship %s (%s%s %s/%s)", d.Version, commit, d.GoVersion, d.Platform.OS, d.Platform.Architecture)
}
