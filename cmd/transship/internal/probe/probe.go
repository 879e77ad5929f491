// Package probe is the command that finds out what a registry does: [Probe] returns probe.
package probe

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/wire"
)

// probeCommand is probe and its flags.
type probeCommand struct {
	registry *run.Remote
	write    bool
	from     string
}

// Probe returns the command probe.
func Probe() run.Command {
	return run.Command{
		Name: "probe", Args: "HOST[/REPOSITORY]", Min: 1, Max: 1,
		Short: "find out what a registry does, row by row",
		Long: fmt.Sprintf(`The rows are those of the OCI Distribution specification's table of endpoints, and what registries do
differently. Each has a verdict, yes, no, or unknown if the answer tells neither; what the registry has answered; and in
brackets the numbers of the calls that show it, which are those of --audit and of --json. There are at most %d calls,
token calls included. None is repeated.
It only reads: REPOSITORY, or else the first repository of the catalog. --write also uploads, mounts and deletes. What it
writes is small and made for this run. It goes to REPOSITORY, and to REPOSITORY-from, from which a blob is mounted; --from
names another repository for that. At the end it is deleted. What the registry does not delete is listed.
The exit code is 0 whatever the verdicts are. A host that is no registry is an error.`, maxCalls),
		Example: `transship probe registry.example.com
transship probe docker.io/library/alpine
transship probe --write --audit probe.har registry.example.com/team/probe`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &probeCommand{registry: r.RemoteFlags(fs, "", "the registry")}
			c.registry.Attempts = 1
			fs.BoolVar(&c.write, "write", false, "also upload, mount and delete in REPOSITORY, which is named for that")
			fs.StringVar(&c.from, "from", "", "with --write: mount from this `repository` of the registry, "+
				"which is written to (default REPOSITORY-from)")
			r.JSONFlag(fs)
			r.CommonFlags(fs)
			return c.run
		},
	}
}

func (c *probeCommand) run(ctx context.Context, r *run.Run, args []string) error {
	registry, repo, err := c.parse(args[0])
	if err != nil {
		return err
	}
	p := newProber(registry.Domain, repo)
	r.MeasureCall, p.windows = p.observe, c.registry.HTTP2Windows
	if p.client, err = c.registry.Client(ctx, registry); err != nil {
		return err
	}
	if c.write {
		p.allowWrites(c.from)
	}
	r.SetDocument(&p.report)
	ctx = wire.WithPurpose(ctx, wire.Purpose{Image: strings.TrimSuffix(registry.Domain+"/"+repo, "/"), Probe: true})
	if err := p.open(ctx); err != nil {
		return err
	}
	err = p.probe(ctx)
	p.clean(ctx)
	p.report.finish(p)
	if err == nil {
		err = p.report.print(r.Stdout, r.Width())
	}
	if len(p.report.Left) > 0 {
		r.Note("left at %s: %s", registry.Domain, strings.Join(p.report.Left, ", "))
	}
	return err
}

// parse checks the argument and the flags.
func (c *probeCommand) parse(arg string) (registry reference.Reference, repo string, err error) {
	registry, repo, err = cli.ParseNamespace(arg)
	switch {
	case err != nil:
	case c.write && repo == "":
		err = &cli.UsageError{
			Message: "--write needs a repository after " + arg,
			Advice:  "name one that may be written to, as in " + strings.TrimSuffix(arg, "/") + "/probe",
		}
	case c.from != "" && !c.write:
		err = &cli.UsageError{Message: "--from needs --write", Advice: "leave it out, or add --write"}
	case c.from != "" && (!reference.ValidPath(c.from) || c.from == repo):
		err = &cli.UsageError{
			Message: fmt.Sprintf("--from: %q is not another repository of the registry", c.from),
			Advice:  "give its name without the host",
		}
	}
	return registry, repo, err
}
