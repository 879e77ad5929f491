package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/reference"
)

func tagsCommand() command {
	return command{
		name: "tags", args: "REPOSITORY", min: 1, max: 1,
		short:   "list the tags of a repository, one a line",
		example: "transship tags halohub/halo",
		setup: func(fs *flag.FlagSet, a *app) action {
			s := a.remoteFlags(fs, "", "the registry")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return func(ctx context.Context, a *app, args []string) error {
				ref, err := reference.ParseRepository(args[0])
				if err != nil {
					return err
				}
				repo, err := s.repository(ctx, ref, auth.Pull)
				if err != nil {
					return err
				}
				for tag, err := range repo.TagNames(ctx) {
					if err != nil {
						return err
					}
					fmt.Fprintln(a.stdout, tag)
				}
				return nil
			}
		},
	}
}
