package inspect

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

func Digest() run.Command {
	return run.Command{
		Name: "digest", Args: "REF", Min: 1, Max: 1,
		Short:   "print the digest that a tag stands for",
		Long:    "Asks by HEAD, which does not count against Docker Hub's pull limit.",
		Example: "transship digest alpine:3.20",
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			s := r.RemoteFlags(fs, "", "the registry")
			r.CommonFlags(fs)
			r.VerboseFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				ref, err := reference.Parse(args[0])
				if err != nil {
					return err
				}
				repo, err := s.Repository(ctx, ref, auth.Pull)
				if err != nil {
					return err
				}
				d, err := repo.HeadManifest(ctx, ref.Identifier())
				if err != nil {
					return err
				}
				fmt.Fprintln(r.Stdout, d.Digest)
				return nil
			}
		},
	}
}
