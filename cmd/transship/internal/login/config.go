package login

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// configCommand is config and its flags.
type configCommand struct {
	registry *run.Remote
}

// configDocument is what config --json prints.
type configDocument struct {
	cli.Outcome
	Registry string        `json:"registry,omitempty"`
	Settings []run.Setting `json:"settings"`
}

// Config returns the command config.
func Config() run.Command {
	return run.Command{
		Name: "config", Args: "HOST", Min: 1, Max: 1,
		Short: "show how a registry would be reached, and why",
		Long: `Shows the configuration file, protocol, mirrors, account, certificates, proxy and defaults that hold for HOST. It makes no
call, runs no credential helper, and shows no password. With the flags of other commands it shows what they change.

The configuration file is $TRANSSHIP_CONFIG, or else transship/config.json in $XDG_CONFIG_HOME or ~/.config. A flag
beats it. Its members, which docs/configuration.md describes:

  version                       1
  hosts.HOST.mirrors            registries to pull from in its place, in order: host[:port][/prefix]
  hosts.HOST.pull-from-mirror   "all" (default), or "digest-only" to ask the registry itself for tags
  hosts.HOST.plain-http         true for HTTP without TLS
  hosts.HOST.insecure           true to verify no TLS certificate
  hosts.HOST.ca                 file with CA certificates to trust
  hosts.HOST.cert, .key         files of a client certificate
  hosts.HOST.credential-helper  the helper that has its account, NAME of docker-credential-NAME
  defaults.rate, .jobs          defaults of the flags of these names
  defaults.stall, .max-wait     the same
  docker-daemon                 true, or a path: read docker's daemon.json too`,
		Example: `transship config docker.io
transship config --json registry.example.com:5000`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.JSONFlag(fs)
			c := &configCommand{registry: r.RemoteFlags(fs, "", "the registry")}
			return c.run
		},
	}
}

func (c *configCommand) run(_ context.Context, r *run.Run, args []string) error {
	ref, err := cli.ParseRegistry(args[0])
	if err != nil {
		return err
	}
	c.registry.Host = ref.Host()
	doc := &configDocument{Registry: ref.Domain, Settings: []run.Setting{}}
	r.SetDocument(doc)
	settings, err := c.registry.Explain()
	if err != nil {
		return err
	}
	doc.Settings = settings
	fmt.Fprintln(r.Stdout, ref.Domain)
	for _, s := range settings {
		fmt.Fprintf(r.Stdout, "  %-18s  %s  (%s)\n", s.Name, cli.OneLine(s.Value), cli.OneLine(strings.TrimSpace(s.From)))
	}
	return nil
}
