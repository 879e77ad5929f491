package main

import (
	"context"
	"errors"
	"flag"
	"io/fs"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest/liststore"
)

func manifestRmCommand() command {
	return command{
		name: "manifest rm", args: "LIST [LIST|IMAGE...]", min: 1, max: -1,
		short: "remove local manifest lists, or images from one",
		long: `Works as docker manifest rm, which removes every LIST that is named. Arguments after the first that are no
list but an image in the first list are dropped from it, and the list stays.`,
		example: "transship manifest rm hczjl/halo:1.6\ntransship manifest rm hczjl/halo:1.6 hczjl/halo:arm32",
		setup: func(*flag.FlagSet, *app) action {
			return func(ctx context.Context, a *app, args []string) error { return manifestRm(ctx, a, args) }
		},
	}
}

func manifestRm(ctx context.Context, a *app, args []string) error {
	store, err := a.listStore()
	if err != nil {
		return err
	}
	refs := make([]string, len(args))
	for i, arg := range args {
		ref, err := reference.Parse(arg)
		if err != nil {
			return err
		}
		refs[i] = ref.String()
	}
	lists, images := refs, []string(nil)
	if first, rest := refs[0], refs[1:]; len(rest) > 0 {
		if lists, images = split(store, first, rest); len(images) == 0 {
			lists = refs
		}
	}
	var problems []error
	for _, image := range images {
		problems = append(problems, store.RemoveEntry(refs[0], image))
	}
	for _, list := range lists {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		problems = append(problems, store.Remove(list))
	}
	return errors.Join(problems...)
}

// split tells lists from images of the first list. A name that is both is a list, as for docker.
func split(store liststore.Store, first string, rest []string) (lists, images []string) {
	for _, ref := range rest {
		_, listErr := store.List(ref)
		_, imageErr := store.Get(first, ref)
		if listErr != nil && !errors.Is(imageErr, fs.ErrNotExist) {
			images = append(images, ref)
			continue
		}
		lists = append(lists, ref)
	}
	return lists, images
}
