// Command dockercli is "docker manifest" of docker's own command line, built from its module at the
// version that go.mod pins. Tests compare its bytes with transship's: an installed docker may be
// older and write other files.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/command/manifest"
	"github.com/docker/cli/cli/flags"
	"github.com/spf13/cobra"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	cli, err := command.NewDockerCli()
	if err != nil {
		return err
	}
	if err := cli.Initialize(flags.NewClientOptions()); err != nil {
		return err
	}
	root := &cobra.Command{Use: "docker", SilenceUsage: true, SilenceErrors: true, Version: version()}
	root.SetVersionTemplate("Docker version {{.Version}}, build module\n")
	//lint:ignore SA1019 the module's version is pinned, and there is no other way to these commands
	root.AddCommand(manifest.NewManifestCommand(cli))
	return root.Execute()
}

// version returns the version of docker's module in this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/docker/cli" {
			return strings.TrimSuffix(strings.TrimPrefix(m.Version, "v"), "+incompatible")
		}
	}
	return "unknown"
}
