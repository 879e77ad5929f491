package inspect

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

func Tags() run.Command {
	return run.Command{
		Name: "tags", Args: "REPOSITORY", Min: 1, Max: 1,
		Short:   "list the tags of a repository, one a line",
		Example: "transship tags halohub/halo",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			s := r.RemoteFlags(fs, "", "the registry")
			r.CommonFlags(fs)
			r.VerboseFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				ref, err := reference.ParseRepository(args[0])
				if err != nil {
					return err
				}
				repo, err := s.Repository(ctx, ref, auth.Pull)
				if err != nil {
					return err
				}
				for tag, err := range repo.TagNames(ctx) {
					if err != nil {
						return err
					}
					fmt.Fprintln(r.Stdout, tag)
				}
				return nil
			}
		},
	}
}
