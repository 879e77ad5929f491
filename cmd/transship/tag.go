package main

import (
	"context"
	"flag"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

func tagCommand() command {
	return command{
		name: "tag", args: "SRC NEW", min: 2, max: 2,
		short: "give an image of the local store another name",
		long: `SRC is a name, a name with a digest, or the id that transship images shows, or enough digits of it. The
digest of an image's config is understood as its id too.`,
		example: `transship tag halohub/halo:1.6 registry.example.com/hczjl/halo:1.6
transship tag 668f4ec33f09 hczjl/halo:amd64`,
		setup: func(fs *flag.FlagSet, a *app) action { return tag },
	}
}

func tag(ctx context.Context, a *app, args []string) error {
	as, err := reference.Parse(args[1])
	if err != nil {
		return err
	}
	if as.Digest != "" {
		return &usageError{message: "the new name has a digest", advice: "name it with a tag; the digest stays what it is"}
	}
	dir, release, err := holdStore(a.env)
	if err != nil {
		return err
	}
	defer release()
	found, err := findImages(ctx, dir, args[0])
	if err != nil {
		return err
	}
	src := dir.Repository(found[0].root.Repository)
	_, err = new(transfer.Engine).Copy(ctx, src, string(found[0].descriptor().Digest), storing{dir.Repository(as.Name())}, as.Tag)
	return err
}
