package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/distribution/reference"
)

func digestCommand() command {
	return command{
		name: "digest", args: "REF", min: 1, max: 1,
		short:   "print the digest that a tag stands for",
		long:    "Asks by HEAD, which does not count against Docker Hub's pull limit.",
		example: "transship digest alpine:3.20",
		setup: func(fs *flag.FlagSet, a *app) action {
			s := a.remoteFlags(fs, "", "the registry")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return func(ctx context.Context, a *app, args []string) error {
				ref, err := reference.Parse(args[0])
				if err != nil {
					return err
				}
				repo, err := s.repository(ctx, ref, auth.Pull)
				if err != nil {
					return err
				}
				d, err := repo.HeadManifest(ctx, ref.Identifier())
				if err != nil {
					return err
				}
				fmt.Fprintln(a.stdout, d.Digest)
				return nil
			}
		},
	}
}
