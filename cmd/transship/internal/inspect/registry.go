package inspect

import (
	"context"
	"flag"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// registryFlags registers the flags that the commands of this package share.
func registryFlags(fs *flag.FlagSet, r *run.Run) *run.Remote {
	remote := r.RemoteFlags(fs, "", "the registry")
	r.CommonFlags(fs)
	return remote
}

// repositoryAction is what a command does with the repository that its argument names.
type repositoryAction func(context.Context, *run.Run, *distribution.Repository, reference.Reference) error

// onRepository returns c with a Setup that parses its one argument, opens the repository for
// pulling, and calls do.
func onRepository(c run.Command, parse func(string) (reference.Reference, error), do repositoryAction) run.Command {
	c.Min, c.Max = 1, 1
	c.Setup = func(fs *flag.FlagSet, r *run.Run) run.Action {
		remote := registryFlags(fs, r)
		return func(ctx context.Context, r *run.Run, args []string) error {
			ref, err := parse(args[0])
			if err != nil {
				return err
			}
			repo, err := remote.Repository(ctx, ref, auth.Pull)
			if err != nil {
				return err
			}
			return do(ctx, r, repo, ref)
		}
	}
	return c
}
